import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { App, AppOptions } from '../../src/app.ts';
import { uuidv7 } from '../../src/lib/ids.ts';
import { permissionsOf, type Role } from '../../src/platform/auth/permissions.ts';
import { loadConfig } from '../../src/platform/config/load.ts';
import type { Ctx } from '../../src/platform/context.ts';
import { silentLog } from '../../src/platform/telemetry/log.ts';
import { type Client, createClient } from './client.ts';
import { type TestDatabase, testCtx, testDatabase } from './database.ts';
import { ofMany, startMany, startOne } from './many.ts';

export type { Answer, Client } from './client.ts';

/** Somebody who signed up: the owner of a tenant of their own. */
export type Member = Client & {
  readonly tenantId: string;
  readonly userId: string;
  readonly sessionId: string;
  readonly email: string;
  readonly password: string;
  readonly token: string;
  readonly refreshToken: string;
  /** The member's ctx, for calling a module's methods without HTTP. */
  readonly ctx: Ctx;
};

export type WorldOptions = {
  readonly profile?: 'development' | 'testing' | 'production';
  /** Settings, as the environment would hold them. */
  readonly env?: Readonly<Record<string, string>>;
  readonly app?: AppOptions;
  /** False: without Redis, in the leg of `make test` that has one (PARLEY_TEST_WORLD_REDIS), too. */
  readonly redis?: boolean;
  /** Why this is about one process, and stays one in the leg that makes worlds of many (`make test LEG=cluster`). */
  readonly alone?: string;
  /** Why its callers reach the processes past the nginx that is in front of them there, each in turn. */
  readonly doorless?: string;
};

export type World = {
  /** The server; the first that answers requests, where there are many. */
  readonly app: App;
  /** All servers of it: one, but in the leg of many. */
  readonly apps: readonly App[];
  readonly database: TestDatabase;
  readonly db: App['db'];
  /** `http://127.0.0.1:PORT` of the public door, without the prefix. */
  readonly url: string;
  readonly prefix: string;
  /** Nobody. */
  readonly anonymous: Client;
  /** A caller with this access token or API key. */
  as(token: string): Client;
  /** Signs up through the API. */
  signUp(options?: { email?: string; password?: string; tenantName?: string }): Promise<Member>;
  /** A caller with an API key that has the rights of these roles (default developer) in the member's tenant. */
  apiKey(member: Member, roles?: readonly Role[]): Promise<Client & { readonly key: string }>;
  /** Resolves when every event announced until now has had its effects: consumers and due jobs included. */
  settle(): Promise<void>;
  /**
   * Resolves when every process knows what was changed until now: at once where there is one, which hears itself; elsewhere
   * it is promised within a second.
   */
  heard(): Promise<void>;
  /** The metrics of every process, as Prometheus gets them. */
  metrics(): Promise<string[]>;
  /** Stops the server and starts another one on the same database: what a restart keeps. `meanwhile`: while none runs. */
  restart(meanwhile?: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** Half of it is for what is under way; the rest is enough on a machine that is busy with much else. */
const STOP_DEADLINE_MS = 6000;

/** The whole server in this process, over a database of its own, on ports that were free. */
export async function createWorld({
  profile = 'testing',
  env = {},
  app: options = {},
  redis = true,
  alone,
  doorless,
}: WorldOptions = {}): Promise<World> {
  const database = await testDatabase();
  const dataDir = await mkdtemp(join(tmpdir(), 'parley-world-'));
  const many = ofMany() && redis && alone === undefined;
  const { config } = loadConfig(dataDir, '0.1.0', {
    env: {
      PARLEY_PROFILE: profile,
      ...{ HOST: '127.0.0.1', PORT: '0', API_PORT: '0', METRICS_PORT: '0', SIGNUP: 'open' },
      ...(redis && process.env.PARLEY_TEST_WORLD_REDIS && { REDIS_URL: process.env.PARLEY_TEST_WORLD_REDIS }),
      ...{ DATABASE_URL: database.url, DATA_DIR: dataDir, MASTER_KEY: randomBytes(32).toString('hex') },
      ...(many && { TRUSTED_PROXIES: '127.0.0.1' }),
      ...env,
    },
    faults: [],
  });
  const quiet = { log: silentLog, localPorts: [], ...options };
  const begin = () => (many ? startMany(config, quiet, doorless === undefined) : startOne(config, quiet));
  let it = await begin();
  const as = (token?: string) => createClient(() => ({ url: it.url, prefix: config.apiPrefix }), token);
  const anonymous = as();
  let stopping: Promise<void> | undefined;

  async function stopAll(): Promise<void> {
    await it.stop(STOP_DEADLINE_MS);
    await Promise.all([database.close(), rm(dataDir, { recursive: true, force: true })]);
  }
  const stop = () => (stopping ??= stopAll());

  return {
    get app() {
      return it.app;
    },
    get apps() {
      return it.apps;
    },
    get db() {
      return it.app.db;
    },
    get url() {
      return it.url;
    },
    database,
    prefix: config.apiPrefix,
    anonymous,
    as,
    signUp: (person) => signUp(anonymous, as, person),
    async apiKey(member, roles = ['developer']) {
      const { tenantId, userId } = member;
      const scopes = [...permissionsOf(roles)];
      const { key } = await it.app.access.createApiKey({ tenantId, userId, name: `Test ${uuidv7()}`, scopes });
      return { ...as(key), key };
    },
    settle: () => it.settle(),
    heard: async () => {
      if (it.apps.length > 1) await it.settle();
    },
    metrics: async () => {
      const ports = it.apps.map(({ internal }) => internal.port);
      const texts = ports.map(async (port) => (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
      return Promise.all(texts);
    },
    async restart(meanwhile) {
      await it.stop(STOP_DEADLINE_MS);
      await meanwhile?.();
      it = await begin();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

type Person = { email?: string; password?: string; tenantName?: string };

async function signUp(
  anonymous: Client,
  as: (token: string) => Client,
  {
    email = `${randomBytes(5).toString('hex')}@example.com`,
    password = `pass ${randomBytes(9).toString('hex')}`,
    tenantName = 'Test',
  }: Person = {},
): Promise<Member> {
  const { status, body } = await anonymous.post('/auth/register', { email, password, tenant_name: tenantName });
  if (status !== 201) throw new Error(`Sign-up answered ${status}: ${JSON.stringify(body)}`);
  const token: string = body.access_token;
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { sid: string };
  const [tenantId, userId] = [body.tenant.id as string, body.user.id as string];
  return {
    ...as(token),
    ...{ tenantId, userId, sessionId: claims.sid, email, password, token, refreshToken: body.refresh_token as string },
    ctx: testCtx(tenantId, { actor: { kind: 'user', id: userId, sessionId: claims.sid } }),
  };
}
