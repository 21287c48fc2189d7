import type { Config } from '../../platform/config/config.ts';
import { silentLog } from '../../platform/telemetry/log.ts';
import { type Finding, fail, ok, warn } from './report.ts';

const OLDEST = [6, 2];

/** Whether the Redis of REDIS_URL answers, and is new enough. Where none is set, none is needed. */
export async function checkRedis({ redisUrl: url, redisPrefix: prefix, databaseUrl }: Config): Promise<Finding[]> {
  if (url === undefined) return [ok('No Redis is set, and one process needs none.')];
  const { createRedis } = await import('../../platform/redis/redis.ts');
  const redis = createRedis({ url, prefix, namespace: async () => 'doctor', log: silentLog });
  try {
    await redis.start();
    if ((await redis.probe()) === 'disconnected')
      return [fail('The Redis of REDIS_URL does not answer, or refuses its password or certificate.')];
    const version = /redis_version:(\S+)/.exec(await redis.commands.info('server'))?.[1] ?? '';
    const [major = 0, minor = 0] = version.split('.').map(Number);
    const [oldMajor = 0, oldMinor = 0] = OLDEST;
    const old = major < oldMajor || (major === oldMajor && minor < oldMinor);
    return [
      old
        ? fail(`Redis ${version} is too old: ${OLDEST.join('.')} or newer is needed.`)
        : ok(`Redis ${version} answers.`),
      ...(databaseUrl === undefined
        ? [warn('REDIS_URL is set and DATABASE_URL is not: on the packaged database one process serves alone.')]
        : []),
    ];
  } finally {
    await redis.stop(1_000);
  }
}
