/** A refresh without use ends after 30 days, any session after 90. */
export const SESSION_IDLE_MS = 30 * 24 * 3_600_000;
export const SESSION_LIFE_MS = 90 * 24 * 3_600_000;
/** A repeated refresh (a lost answer, two tabs) gets the same successor for this long. */
export const REFRESH_GRACE_MS = 10_000;
/** Rotations remembered for the grace: more than this within it is no client we know. */
export const ROTATIONS_KEPT = 8;

export type SessionState = {
  readonly generation: number;
  /** Unix milliseconds, newest first: `rotations[0]` made this generation out of the one before. */
  readonly rotations: readonly number[];
  readonly expiresAtMs: number;
  readonly endsAtMs: number;
  readonly revoked: boolean;
};

/**
 * What becomes of a genuine refresh token of some generation. `rotate`: it is the valid one. `repeat`: it was used a
 * moment ago, its successor is generation + 1. `reused`: it was used long ago, so two parties hold the family.
 */
export function decideRefresh(session: SessionState, generation: number, nowMs: number) {
  if (session.revoked || session.expiresAtMs <= nowMs || session.endsAtMs <= nowMs) return 'dead';
  if (generation > session.generation) return 'dead';
  if (generation === session.generation) return 'rotate';
  const usedAtMs = session.rotations[session.generation - generation - 1];
  return usedAtMs !== undefined && nowMs - usedAtMs <= REFRESH_GRACE_MS ? 'repeat' : 'reused';
}

export function isAlive(session: Omit<SessionState, 'generation' | 'rotations'>, nowMs: number): boolean {
  return !session.revoked && session.expiresAtMs > nowMs && session.endsAtMs > nowMs;
}
