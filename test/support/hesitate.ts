import { setTimeout as delay } from 'node:timers/promises';

const MAX_MS = 1_200;
/** A probability; `make test STARVED=1` sets it. */
const OFTEN = Number(process.env.PARLEY_TEST_HESITATE ?? 0);

export const HESITATES = OFTEN > 0;

/** As on a machine that is busy with much else, whoever asks, answers or looks on is now and then late. */
export async function hesitate(maxMs = MAX_MS): Promise<void> {
  if (Math.random() < OFTEN) await delay(Math.random() * maxMs);
}
