import { Queue, Worker } from 'bullmq';
import { work } from './effect.js';

const url = new URL(process.env.PEER_REDIS_URL);
const connection = { host: url.hostname, port: Number(url.port), maxRetriesPerRequest: null };
if (process.argv[2] === 'enqueue') {
  const queue = new Queue('jobs', { connection });
  const jobs = Array.from({ length: Number(process.argv[3]) }, (_, job) => ({ name: 'job', data: { job } }));
  await queue.addBulk(jobs);
  await queue.close();
} else {
  // By default a dead worker's jobs are found after 30 s, and given up the second time.
  const soon = { lockDuration: 2_000, stalledInterval: 1_000, maxStalledCount: 10 };
  const worker = new Worker('jobs', ({ data }) => work(data.job), { connection, concurrency: 4, ...soon });
  worker.on('error', () => {});
}
