import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type App, createApp } from '../app.ts';
import { uuidv7 } from '../lib/ids.ts';
import { permissionsOf } from '../platform/auth/permissions.ts';
import { loadConfig } from '../platform/config/load.ts';
import type { Ctx } from '../platform/context.ts';
import { AppError } from '../platform/http/errors.ts';
import { silentLog } from '../platform/telemetry/log.ts';
import { newTrace } from '../platform/telemetry/trace.ts';
import { type Command, EXIT } from './command.ts';
import { SAMPLE_AGENTS, SAMPLE_DOCUMENT, SAMPLE_PRODUCTS } from './samples.ts';

/** How to sign in to the demo tenant; what `demo.json` holds. */
export type Demo = {
  readonly url: string;
  readonly api_url: string;
  readonly email: string;
  readonly password: string;
  readonly api_key: string;
};

const EMAIL = 'demo@parley.example';
const STOP_DEADLINE_MS = 10_000;

/** Makes a new demo tenant beside whatever is there, and prints how to sign in. */
export const seed: Command = async (io) => {
  const { config } = loadConfig(io.folder, io.version);
  if (config.profile === 'production') {
    io.say('There is no demo tenant in production: sign up, or invite somebody.');
    return EXIT.config;
  }
  const app = await createApp({ ...config, port: 0, apiPort: 0, metricsPort: 0 }, { log: silentLog });
  await app.start();
  try {
    const account = await makeDemo(app);
    write(config.dataDir, { ...account, ...addresses(config) });
    io.out(JSON.stringify({ ...account, ...addresses(config) }, null, 2));
    return EXIT.ok;
  } finally {
    await app.stop(STOP_DEADLINE_MS);
  }
};

/** Milliseconds until the demo account is tried again while the database is away. */
const AGAIN_MS = 250;

/** The same, for as long as the database is away: somebody may kill it in the first second. Undefined when stopped. */
export async function patientDemo(app: App, signal: AbortSignal): Promise<Demo | undefined> {
  while (!signal.aborted) {
    try {
      return await demo(app);
    } catch (error) {
      // Its connections may be closed already.
      if (signal.aborted) return undefined;
      if (!isPassing(error)) throw error;
    }
    await delay(AGAIN_MS, undefined, { signal }).catch(() => {});
  }
  return undefined;
}

/**
 * The demo account of a running development server: the one of `demo.json` while it still opens, else a new one with a
 * random password. Writes the file, which only its owner can read.
 */
async function demo(app: App): Promise<Demo> {
  const { config, http } = app;
  const [port = config.port, apiPort = config.apiPort] = http.ports;
  const account = (await readDemo(app)) ?? (await makeDemo(app));
  const whole = { ...account, ...addresses({ ...config, port, apiPort }) };
  write(config.dataDir, whole);
  return whole;
}

type Account = Pick<Demo, 'email' | 'password' | 'api_key'>;

const addresses = ({ host, port, apiPort }: { host: string; port: number; apiPort: number }) => {
  const name = host === '0.0.0.0' || host === '127.0.0.1' ? 'localhost' : host;
  return { url: `http://${name}:${port}`, api_url: `http://${name}:${apiPort}` };
};

const pathIn = (dataDir: string) => join(dataDir, 'demo.json');

function write(dataDir: string, account: Demo): void {
  const { url, api_url, email, password, api_key } = account;
  const text = JSON.stringify({ url, api_url, email, password, api_key }, null, 2);
  // With a database and a key of its own, nothing else has needed the folder yet.
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  // Whole or not at all: another process of this machine may read it now.
  const draft = `${pathIn(dataDir)}.${process.pid}`;
  writeFileSync(draft, `${text}\n`, { mode: 0o600 });
  chmodSync(draft, 0o600);
  renameSync(draft, pathIn(dataDir));
}

/** The account of the file, when it can still be signed in to with it. */
async function readDemo(app: App): Promise<Account | undefined> {
  try {
    const { email, password, api_key } = JSON.parse(readFileSync(pathIn(app.config.dataDir), 'utf8')) as Account;
    await app.identity.signIn({ email, password });
    await app.access.authenticate({ authorization: `Bearer ${api_key}`, path: '/' });
    return { email, password, api_key };
  } catch (error) {
    // Whether it opens cannot be known while the database is away.
    if (isPassing(error)) throw error;
    return undefined;
  }
}

/** A failure of the moment: the database has gone away, or is coming back. */
const isPassing = (error: unknown): boolean => error instanceof AppError && error.status === 503;

async function makeDemo(app: App): Promise<Account> {
  const password = randomBytes(12).toString('base64url');
  const { user, tenant } = await app.identity.register({
    email: EMAIL,
    password,
    name: 'Demo',
    tenantName: 'Demo',
  });
  const ctx: Ctx = {
    tenantId: tenant.id,
    actor: { kind: 'user', id: user.id, sessionId: uuidv7() },
    roles: ['owner'],
    permissions: permissionsOf(['owner']),
    requestId: uuidv7(),
    trace: newTrace(false),
    signal: new AbortController().signal,
  };
  await app.db.inTx(ctx, async (tx) => {
    for (const agent of SAMPLE_AGENTS) await app.agents.create(tx, agent);
    await app.knowledge.create(tx, SAMPLE_DOCUMENT);
    for (const product of SAMPLE_PRODUCTS) await app.catalog.create(tx, product);
  });
  const scopes = [...permissionsOf(['developer'])];
  const { key } = await app.access.createApiKey({ tenantId: tenant.id, userId: user.id, name: 'Demo', scopes });
  return { email: EMAIL, password, api_key: key };
}
