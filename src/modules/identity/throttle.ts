import { createHash } from 'node:crypto';
import { AppError } from '../../platform/http/errors.ts';
import { addressKey } from '../../platform/http/limits.ts';
import type { Limiter } from '../../platform/reliability/limiter.ts';

/** Wrong passwords for one email, and from one address (an office behind one address has more people). */
const PER_EMAIL = { tokens: 10, windowSeconds: 300 };
const PER_ADDRESS = { tokens: 100, windowSeconds: 300 };

/**
 * Guesses at passwords. An attempt is counted before it is tried, and given back when it was no wrong guess; whether
 * the email is known makes no difference.
 */
export type Throttle = {
  /** Throws AppError `rate_limited`. Answers how to give the attempt back. */
  take(emailKey: string, ip: string): Promise<() => Promise<void>>;
  /** A sign-up tells whoever knows an account's password that it is right, so it counts as a guess at the email. */
  takeSignUp(emailKey: string): Promise<void>;
};

export function createThrottle(limiter: Limiter): Throttle {
  const ofEmail = (key: string) => `sign_in:email:${createHash('sha256').update(key).digest('base64url')}`;

  async function count(key: string, limit: typeof PER_EMAIL): Promise<void> {
    const verdict = await limiter.take(key, limit);
    if (verdict.allowed) return;
    const seconds = Math.max(1, Math.ceil(verdict.resetSeconds));
    throw new AppError('rate_limited', {
      message: 'Too many attempts; try again later.',
      headers: { 'retry-after': String(seconds) },
    });
  }

  return {
    takeSignUp: (emailKey) => count(ofEmail(emailKey), PER_EMAIL),
    async take(emailKey, ip) {
      const email = ofEmail(emailKey);
      const address = `sign_in:address:${addressKey(ip)}`;
      await count(address, PER_ADDRESS);
      await count(email, PER_EMAIL);
      return async () => {
        await limiter.take(email, PER_EMAIL, -1);
        await limiter.take(address, PER_ADDRESS, -1);
      };
    },
  };
}
