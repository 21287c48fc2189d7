import { createHash } from 'node:crypto';
import type { RedisClient } from './redis.ts';

/** A Lua script that Redis runs whole: nothing comes in between. */
export type Script = {
  run(client: RedisClient, key: string, ...args: readonly (string | number)[]): Promise<unknown>;
};

/**
 * Sent by its digest, and whole where Redis does not know it: after a restart or `SCRIPT FLUSH`, too. (ioredis' own
 * `defineCommand` asks for scripts once a connection when commands travel together, and then believes that they stay.)
 */
export function createScript(text: string): Script {
  const digest = createHash('sha1').update(text).digest('hex');
  return {
    async run(client, key, ...args) {
      try {
        return await client.evalsha(digest, 1, key, ...args);
      } catch (error) {
        if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
        return await client.eval(text, 1, key, ...args);
      }
    },
  };
}
