import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';

const pool = new pg.Pool({ connectionString: process.env.PEER_DATABASE_URL, max: 6 });
pool.on('error', () => {});

/** The work of a job: 450 ms, its effect, and 50 ms until the queue hears that it is done. */
export async function work(job) {
  await pool.query('insert into begun (job, at) values ($1, clock_timestamp())', [job]);
  await delay(450);
  await pool.query('insert into ledger (job, at) values ($1, clock_timestamp())', [job]);
  await delay(50);
}
