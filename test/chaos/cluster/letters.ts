import { setTimeout as delay } from 'node:timers/promises';
import type { Parley } from '@parley/sdk';
import type pg from 'pg';
import { persistently } from '../people.ts';
import { type Fault, fault } from '../verdict.ts';

const PATIENT_MS = 24 * 3_600_000;

/** Has everything of a tenant that was put aside handled again; answers how many letters that were. */
export const requeueAll = (parley: Parley): Promise<number> =>
  persistently(AbortSignal.timeout(PATIENT_MS), () => parley.deadLetters.requeueAll({}, { maxRetries: 0 }));

/** Until no letter is left, of anybody: what comes aside meanwhile is requeued, too. Answers those that stay. */
export async function emptied(db: pg.Client, requeue: () => Promise<unknown>, withinMs: number): Promise<Fault[]> {
  for (const deadline = Date.now() + withinMs; ; await delay(100)) {
    const { rows } = await db.query<{ group_name: string; type: string; status: string; error_message: string }>(
      'select group_name, type, status, error_message from dead_letters',
    );
    if (rows.length === 0) return [];
    if (Date.now() > deadline)
      return rows.map((row) => fault('lost', `letter of ${row.group_name}: ${row.type}, ${row.error_message}`));
    if (rows.some(({ status }) => status !== 'requeued')) await requeue();
  }
}
