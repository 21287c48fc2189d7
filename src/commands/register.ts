import { randomBytes } from 'node:crypto';
import { createApp } from '../app.ts';
import { loadConfig } from '../platform/config/load.ts';
import { silentLog } from '../platform/telemetry/log.ts';
import { type Command, EXIT, UsageError } from './command.ts';

const STOP_DEADLINE_MS = 10_000;
const EMAIL = /^[^\s@]+@[^\s@]+$/;

/**
 * Makes a tenant and its owner with a random password, whatever SIGNUP says: the first one of a production server,
 * where nobody may sign up. Without REDIS_URL it takes the database for itself, so it runs before the server does.
 */
export const register: Command = async (io) => {
  const [email = '', tenantName = '', ...rest] = io.args;
  if (
    !EMAIL.test(email) ||
    email.length > 254 ||
    tenantName.trim() === '' ||
    tenantName.length > 200 ||
    rest.length > 0
  )
    throw new UsageError('parley register EMAIL TENANT_NAME: an email address, and a name of at most 200 characters.');
  const { config } = loadConfig(io.folder, io.version);
  const app = await createApp({ ...config, port: 0, apiPort: 0, metricsPort: 0 }, { log: silentLog });
  try {
    await app.start();
    const password = randomBytes(12).toString('base64url');
    const { tenant } = await app.identity.register({ email, password, tenantName: tenantName.trim() });
    io.out(JSON.stringify({ tenant_id: tenant.id, email, password }, null, 2));
    return EXIT.ok;
  } finally {
    await app.stop(STOP_DEADLINE_MS);
  }
};
