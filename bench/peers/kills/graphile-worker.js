import { makeWorkerUtils, run } from 'graphile-worker';
import { work } from './effect.js';

const connectionString = process.env.PEER_DATABASE_URL;
if (process.argv[2] === 'enqueue') {
  const utils = await makeWorkerUtils({ connectionString });
  await utils.migrate();
  for (let job = 0; job < Number(process.argv[3]); job += 1) await utils.addJob('job', { job });
  await utils.release();
} else {
  // A dead worker's jobs stay locked for four hours; there is no setting for that.
  await run({ connectionString, concurrency: 4, pollInterval: 200, taskList: { job: ({ job }) => work(job) } });
}
