import * as boss from 'pg-boss';
import { work } from './effect.js';

const PgBoss = boss.PgBoss ?? boss.default;
const queue = new PgBoss({
  connectionString: process.env.PEER_DATABASE_URL,
  // By default a dead worker's jobs come again after 15 minutes.
  superviseIntervalSeconds: 1,
  maintenanceIntervalSeconds: 1,
  monitorIntervalSeconds: 1,
});
queue.on('error', () => {});
await queue.start();
await queue.createQueue('jobs', { expireInSeconds: 3, retryLimit: 10, retryDelay: 0 });
if (process.argv[2] === 'enqueue') {
  const jobs = Array.from({ length: Number(process.argv[3]) }, (_, job) => ({ data: { job } }));
  await queue.insert('jobs', jobs);
  await queue.stop({ graceful: false });
  process.exit();
} else {
  for (let n = 0; n < 4; n += 1)
    await queue.work('jobs', { batchSize: 1, pollingIntervalSeconds: 0.5 }, ([job]) => work(job.data.job));
}
