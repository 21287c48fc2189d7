import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient } from './client.ts';
import { type TestDatabase, testDatabase } from './database.ts';
import { type Program, program } from './program.ts';
import { type OwnRedis, ownRedis } from './redis.ts';

export type Role = 'api' | 'worker' | 'api,worker';

/** One process of an installation. */
export type Member = {
  readonly role: Role;
  readonly program: Program;
  readonly pid: number;
  /** Where it listens; a worker has only its metrics. */
  readonly ports: readonly number[];
  /** `http://127.0.0.1:PORT` of its public door. */
  readonly url: string;
  /** A caller of this very process. */
  as(token?: string): Client;
  kill(signal?: NodeJS.Signals): Promise<void>;
};

/** Several processes, child processes of this one, on one PostgreSQL and one Redis of their own. */
export type Cluster = {
  readonly database: TestDatabase;
  readonly redis: OwnRedis;
  readonly members: readonly Member[];
  /** The settings that all share. */
  readonly env: Readonly<Record<string, string>>;
  /** The nth process of a role, from 0. */
  member(role: Role, n?: number): Member;
  start(role: Role, env?: Record<string, string>): Promise<Member>;
  stop(): Promise<void>;
};

type Options = { readonly roles: readonly Role[]; readonly env?: Readonly<Record<string, string>> };

export async function startCluster({ roles, env: settings = {} }: Options): Promise<Cluster> {
  const [database, redis, folder] = await Promise.all([
    testDatabase(),
    ownRedis(),
    mkdtemp(join(tmpdir(), 'parley-cluster-')),
  ]);
  const env = {
    ...{ PARLEY_PROFILE: 'testing', HOST: '127.0.0.1', PORT: '0', API_PORT: '0', METRICS_PORT: '0', SIGNUP: 'open' },
    ...{ DATABASE_URL: database.url, REDIS_URL: redis.url, MASTER_KEY: randomBytes(32).toString('hex') },
    ...settings,
  };
  const members: Member[] = [];
  const start = async (role: Role, more: Record<string, string> = {}) => {
    const started = program(['serve', '--role', role], { folder, env: { ...env, ...more } });
    const member = await whenReady(started, role);
    members.push(member);
    return member;
  };
  const stop = async () => {
    await Promise.all(members.map((member) => member.kill('SIGKILL')));
    await Promise.all([database.close(), redis.close()]);
    await rm(folder, { recursive: true, force: true });
  };
  const begun = await Promise.allSettled(roles.map((role) => start(role)));
  const failed = begun.find((one) => one.status === 'rejected');
  if (failed) {
    await stop();
    throw failed.reason;
  }
  return {
    ...{ database, redis, members, env, start, stop },
    member(role, n = 0) {
      const found = members.filter((member) => member.role === role)[n];
      if (!found) throw new Error(`There is no ${role} ${n}`);
      return found;
    },
  };
}

async function whenReady(started: Program, role: Role): Promise<Member> {
  const said = await started.until(/"message":"ready"/);
  const line = said.split('\n').find((one) => one.includes('"message":"ready"')) as string;
  const { ports, pid } = JSON.parse(line) as { ports: number[]; pid: number };
  const url = `http://127.0.0.1:${ports[0]}`;
  return {
    ...{ role, program: started, ports, url, pid },
    as: (token) => createClient(() => ({ url, prefix: '/api/v1' }), token),
    async kill(signal = 'SIGKILL') {
      started.child.kill(signal);
      await started.ended;
    },
  };
}
