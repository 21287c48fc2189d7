import type { SystemReport } from '@parley/sdk';

type State = SystemReport['breakers'][number]['state'];

export type BreakerLine = {
  readonly name: string;
  /** The worst that any process tells of it. */
  readonly state: State;
  /** Where it is so, when it is not closed and there is more than one process. */
  readonly where: readonly string[];
};

const BY_GRAVITY: readonly State[] = ['closed', 'half_open', 'open'];

/** Each breaker once, over all processes; of the one that answered, where nothing is known of the others. */
export function breakersOf({ breakers, processes }: SystemReport): BreakerLine[] {
  const told = (processes ?? []).map(({ host, pid, self, ...process }) => ({
    where: `${host}, ${pid}`,
    // What it says of itself now is newer than what it told the others.
    breakers: self ? breakers : process.breakers,
  }));
  const all = told.length > 0 ? told : [{ where: '', breakers }];
  const names = [...new Set(all.flatMap((one) => one.breakers.map(({ name }) => name)))];
  return names.map((name) => {
    const states = all.map((one) => one.breakers.find((breaker) => breaker.name === name)?.state ?? 'closed');
    const state = BY_GRAVITY.findLast((one) => states.includes(one)) ?? 'closed';
    const where = state === 'closed' || all.length < 2 ? [] : all.filter((_, n) => states[n] === state);
    return { name, state, where: where.map((one) => one.where) };
  });
}
