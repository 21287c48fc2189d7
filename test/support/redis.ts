import { randomBytes } from 'node:crypto';
import { locateRedis, type RedisServer, startRedis } from '../../scripts/testing/redis.ts';
import { createRedis, type Redis } from '../../src/platform/redis/redis.ts';
import { type Logger, silentLog } from '../../src/platform/telemetry/log.ts';

const file = locateRedis();

/** Why a test that needs Redis is skipped, for `{ skip }`; false where there is one. In CI it is a failure of `make test`. */
export const noRedis: string | false =
  process.env.PARLEY_TEST_REDIS || file ? false : 'there is no redis-server on this machine';

export type TestRedis = {
  /** For REDIS_URL; shared with other test files, so nothing may be flushed. */
  readonly url: string;
  /** What this test's keys begin with: for REDIS_PREFIX. */
  readonly prefix: string;
  /** A process's connections; all of one `testRedis` share what they keep. Closed with it. */
  open(options?: { log?: Logger; url?: string }): Promise<Redis>;
  close(): Promise<void>;
};

/** The Redis of the whole run (`PARLEY_TEST_REDIS`, started by `make test`), or one of this test file; keys are apart by a prefix. */
export async function testRedis(): Promise<TestRedis> {
  const given = process.env.PARLEY_TEST_REDIS;
  const own = given ? undefined : await ownRedis();
  return within(given ?? own?.url ?? '', () => own?.stop() ?? Promise.resolve());
}

export type OwnRedis = TestRedis & Pick<RedisServer, 'kill' | 'stop' | 'pid' | 'port'>;

/** A Redis for one test alone, to flush, stop and kill. The same `port` again is a restart. */
export async function ownRedis(options: { port?: number; options?: readonly string[] } = {}): Promise<OwnRedis> {
  if (!file) throw new Error('There is no redis-server on this machine');
  const server = await startRedis(file, options);
  return { ...server, ...within(server.url, server.stop) };
}

function within(url: string, end: () => Promise<void>): TestRedis {
  const prefix = `test-${randomBytes(6).toString('hex')}`;
  const opened: Redis[] = [];
  return {
    ...{ url, prefix },
    async open({ log = silentLog, url: other = url } = {}) {
      const redis = createRedis({ url: other, prefix, namespace: async () => 'test', log });
      opened.push(redis);
      await redis.start();
      return redis;
    },
    async close() {
      const redis = opened.find((one) => one.state() === 'connected');
      // A server that is gone has forgotten already.
      if (redis) await forget(redis, `${prefix}:*`).catch(() => {});
      for (const one of opened) await one.stop(1000);
      await end();
    },
  };
}

/** Takes a test's keys away. */
async function forget(redis: Redis, pattern: string): Promise<void> {
  for (let cursor = '0'; ; ) {
    const [next, keys] = await redis.commands.scan(cursor, 'MATCH', pattern, 'COUNT', 1000);
    if (keys.length > 0) await redis.commands.unlink(...keys);
    if (next === '0') return;
    cursor = next;
  }
}
