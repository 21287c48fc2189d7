import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { connect } from '../../src/platform/db/connection.ts';
import { createEmbedded, type Embedded } from '../../src/platform/db/embedded.ts';
import { isConnectionError } from '../../src/platform/db/errors.ts';

const PATIENCE_MS = 120_000;

/** A packaged server for tests: its data may be lost with the power, so nothing waits for the disk. */
export function testServer(dataDir: string, onLost?: (error: Error) => void): Embedded {
  return createEmbedded({
    dataDir,
    settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: 400 },
    ...(onLost && { onLost }),
  });
}

/** The folder of this user's shared test server. */
export const SHARED_DIR = join(tmpdir(), `parley-test-${process.getuid?.() ?? 'user'}`);

/** Whether a server answers at this address. One that does not let us in, does. */
async function answers(url: string): Promise<boolean> {
  try {
    await (await connect(url, { applicationName: 'parley test' })).end();
    return true;
  } catch (error) {
    if (isConnectionError(error)) return false;
    throw error;
  }
}

/**
 * Where tests make their databases: the server that `PARLEY_TEST_DATABASE` names (a user who may create databases and
 * roles), else one of our own that all test files of this user share. A keeper process holds that one and ends it
 * when nobody has used it for a while; two keepers started at once settle it by the ownership lock.
 */
export async function adminUrl(): Promise<string> {
  const given = process.env.PARLEY_TEST_DATABASE;
  if (given) return given;
  const url = testServer(SHARED_DIR).adminUrl;
  if (await answers(url)) return url;
  const keeper = spawn(process.execPath, [fileURLToPath(new URL('./keeper.ts', import.meta.url)), SHARED_DIR], {
    detached: true,
    stdio: 'ignore',
  });
  keeper.unref();
  for (const deadline = Date.now() + PATIENCE_MS; !(await answers(url)); await delay(25))
    if (Date.now() > deadline) throw new Error(`The shared test server did not start; see ${SHARED_DIR}/postgres.log`);
  return url;
}
