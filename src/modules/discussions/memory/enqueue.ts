import type { Tx } from '../../../platform/db/queries.ts';
import type { Jobs } from '../../../platform/jobs/define.ts';

export const MEMORY_JOB = 'discussions.memory';
export type MemoryPayload = { readonly discussion_id: string };

/** Lets a discussion's memory be kept up soon. Its key makes it one job at a time for each, however often it is asked for. */
export async function askForUpkeep(jobs: Jobs, tx: Tx, discussionId: string): Promise<void> {
  const payload: MemoryPayload = { discussion_id: discussionId };
  await jobs.enqueue(tx, { kind: MEMORY_JOB, key: discussionId, payload });
}
