import { createHash, createHmac, hkdfSync } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { hashRaw } from '@node-rs/argon2';
import { createBulkhead } from '../../../platform/reliability/bulkhead.ts';
import type { Reliability } from '../../../platform/reliability/reliability.ts';
import type { Credentials } from './store.ts';

/** argon2id: 64 MiB, three passes, one lane (RFC 9106's second choice; above OWASP's 19 MiB and two passes). */
export const PASSWORD_COST = 'm=65536,t=3,p=1';
/** For tests: the same algorithm, a thousandth of the work. */
export const CHEAP_PASSWORD_COST = 'm=64,t=1,p=1';
/**
 * How many run at once. Each takes 64 MiB and a thread of libuv's pool, which has four and also serves files and
 * name look-ups; more of them than cores would not be faster.
 */
const CONCURRENCY = Math.min(4, Math.max(1, availableParallelism()));
/** How many may wait: about five seconds' worth on two cores. */
const QUEUE = 50;
const COST = /^m=(\d+),t=(\d+),p=(\d+)$/;

export type Passwords = {
  /** What a new email's accounts are hashed with; also what an unknown email is given, so that it costs the same. */
  credentialsFor(emailKey: string): Credentials;
  /**
   * One run of argon2id, then SHA-256: the verifier that is kept and looked up. Throws AppError `overloaded` when too
   * many wait already.
   */
  verifierOf(password: string, credentials: Credentials): Promise<Buffer>;
  /** Runs so far: equal work for known and unknown emails is tested by this, not by a clock. */
  runs(): number;
};

type Options = {
  readonly masterKey: Buffer;
  readonly cost?: string;
  /** Makes the bulkhead; the process's own measures it, too. */
  readonly bulkhead?: Reliability['bulkhead'];
};

export function createPasswords(options: Options): Passwords {
  const { cost = PASSWORD_COST, bulkhead = createBulkhead } = options;
  const saltKey = Buffer.from(hkdfSync('sha256', options.masterKey, '', 'parley/password-salts', 32));
  const gate = bulkhead({ name: 'passwords', limit: CONCURRENCY, queue: QUEUE });
  let runs = 0;

  return {
    // Derived, not random: two first sign-ups of one email at once come to the same salt. It is kept with the
    // account, so a change of the master key changes it for new emails only.
    credentialsFor: (emailKey) => ({
      salt: createHmac('sha256', saltKey).update(emailKey).digest().subarray(0, 16),
      cost,
    }),
    async verifierOf(password, { salt, cost }) {
      const [, memoryCost, timeCost, parallelism] = COST.exec(cost)?.map(Number) ?? [];
      if (memoryCost === undefined || timeCost === undefined || parallelism === undefined)
        throw new Error(`Unknown password cost ${cost}`);
      return gate.run(async () => {
        runs += 1;
        const bytes = await hashRaw(password.normalize('NFC'), { memoryCost, timeCost, parallelism, salt });
        return createHash('sha256').update(bytes).digest();
      });
    },
    runs: () => runs,
  };
}
