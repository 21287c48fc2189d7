import type { Parley } from '@parley/sdk';
import type pg from 'pg';
import { persistently } from '../people.ts';
import { type Fault, fault } from '../verdict.ts';

/** Has everything of a tenant that was put aside handled again; answers how many letters that were. */
export const requeueAll = (parley: Parley, signal: AbortSignal): Promise<number> =>
  persistently(signal, async () => {
    return (await parley.deadLetters.requeueAll({}, { maxRetries: 0 })).requeued;
  });

/** Letters of anybody; `waits` until somebody requeues it. */
export async function lettersLeft(db: pg.Client): Promise<{ readonly fault: Fault; readonly waits: boolean }[]> {
  const { rows } = await db.query<{ group_name: string; type: string; status: string; error_message: string }>(
    'select group_name, type, status, error_message from dead_letters',
  );
  return rows.map(({ group_name, type, status, error_message }) => ({
    fault: fault('lost', `letter of ${group_name}: ${type}, ${error_message}`),
    waits: status !== 'requeued',
  }));
}
