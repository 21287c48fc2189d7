import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { locateNginx, startDoor } from '../../scripts/testing/nginx.ts';
import { type App, type AppOptions, createApp, type Role } from '../../src/app.ts';
import { ALL_SHARDS } from '../../src/platform/events/shards.ts';

const ROLES: readonly Role[] = ['api', 'api', 'worker', 'worker'];
const AGAIN_MS = 5;

/** What a world stands on: one server that does everything, or several of each role behind one door. */
export type Installation = {
  /** What a test looks into: the only server, or the first that answers requests, told what the workers run. */
  readonly app: App;
  readonly apps: readonly App[];
  /** `http://127.0.0.1:PORT` of the public door. */
  readonly url: string;
  settle(): Promise<void>;
  stop(deadlineMs: number): Promise<void>;
};

/** Whether worlds are made of many: the leg of `make test` that says so, with a Redis that they share. */
export const ofMany = (): boolean => process.env.PARLEY_TEST_WORLD === 'many';

/** For `{ skip }` of a test about one process, in a world that may be of many: why it is not for them. */
export const alone = (why: string): string | false => (ofMany() ? `of one process: ${why}` : false);

/** One server, which does everything. */
export async function startOne(config: App['config'], options: AppOptions): Promise<Installation> {
  const app = await createApp(config, options);
  await app.start();
  return {
    ...{ app, apps: [app], settle: () => app.settle(), stop: (deadlineMs) => app.stop(deadlineMs) },
    url: `http://127.0.0.1:${app.http.ports[0]}`,
  };
}

/**
 * Two servers of the role api behind an nginx and two of the role worker, in this process, so that a test's clock is
 * theirs and `settle` knows of them all. They share what processes share, and nothing else: the database and the Redis.
 */
export async function startMany(
  config: App['config'],
  options: AppOptions,
  behindDoor: boolean,
): Promise<Installation> {
  const apps = await Promise.all(ROLES.map((role) => createApp(config, { ...options, roles: [role] })));
  const end = async (deadlineMs: number): Promise<void> => {
    const ended = await Promise.allSettled(apps.map((app) => app.stop(deadlineMs)));
    for (const one of ended) if (one.status === 'rejected') throw one.reason;
  };
  const begun = await Promise.allSettled(apps.map((app) => app.start()));
  const failed = begun.find((one) => one.status === 'rejected');
  if (failed) {
    await end(1000).catch(() => {});
    throw failed.reason;
  }
  const [first, second, ...workers] = apps as [App, App, App, App];
  const ports = [first.http.ports[0] as number, second.http.ports[0] as number] as const;
  const nginx = behindDoor ? locateNginx() : undefined;
  if (behindDoor && nginx === undefined) throw new Error('There is no nginx on this machine');
  const door = nginx === undefined ? undefined : await startDoor(nginx, ports);
  let asked = 0;
  return {
    ...{ app: { ...first, runs: workers[0]?.runs }, apps, settle: () => settle(apps) },
    get url() {
      return door?.url ?? `http://127.0.0.1:${ports[asked++ % 2]}`;
    },
    async stop(deadlineMs) {
      await door?.stop();
      await end(deadlineMs);
    },
  };
}

/** One settles what it holds itself, and may so have made work for another: round and round, until the log stands still. */
async function settle(apps: readonly App[]): Promise<void> {
  const [{ db }] = apps as [App];
  const groups = [...new Set(apps.flatMap(({ runs }) => runs?.groups ?? []))];
  // Letters that were requeued at one process are looked for by another once a second.
  const standing = () =>
    db.system.first<{ heads: string; requeued: number }>(sql`
      select (select string_agg(next_position::text, ',' order by shard) from log_shards) as heads,
             (select count(*)::int from dead_letters
               where source = 'event' and status = 'requeued' and group_name = any(${groups}::text[])) as requeued`);
  for (let before = ''; ; ) {
    await Promise.all(apps.map((app) => app.settle()));
    // A shard that changes hands is nobody's for a moment.
    const lanes = apps.reduce((sum, { runs }) => sum + (runs?.lanes() ?? 0), 0);
    const now = await standing();
    if (lanes === groups.length * ALL_SHARDS.length && now?.requeued === 0) {
      if (now.heads === before) return;
      before = now.heads;
    } else await delay(AGAIN_MS);
  }
}
