/** Where time comes from. Injected, so that tests can move it; leases and jobs use the database's clock instead. */
export type Clock = { now(): Date };

export const systemClock: Clock = { now: () => new Date() };
