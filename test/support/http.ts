import { systemClock } from '../../src/lib/clock.ts';
import type { Authenticate } from '../../src/platform/auth/authenticate.ts';
import { PERMISSIONS, type Permission } from '../../src/platform/auth/permissions.ts';
import { AppError } from '../../src/platform/http/errors.ts';
import { createServer, type HttpServer, type ServerDeps } from '../../src/platform/http/server.ts';
import { memoryLimiter } from '../../src/platform/reliability/limiter-memory.ts';
import { silentLog } from '../../src/platform/telemetry/log.ts';
import { createMetrics } from '../../src/platform/telemetry/metrics.ts';
import { createTracer } from '../../src/platform/telemetry/trace.ts';

export const TENANT = '01920000-0000-7000-8000-000000000001';
export const USER = '01920000-0000-7000-8000-000000000002';

/** Lets in `Bearer all` with every permission and `Bearer a,b` with these; anything else is no credential. */
export const authenticateByName: Authenticate = async ({ authorization, ticket }) => {
  const name = ticket ?? authorization?.replace(/^Bearer /, '');
  if (name === undefined) return undefined;
  if (name === 'bad') throw new AppError('unauthenticated');
  const permissions = name === 'all' ? PERMISSIONS : (name.split(',') as Permission[]);
  return {
    tenantId: TENANT,
    actor: { kind: 'user', id: USER, sessionId: USER },
    roles: ['owner'],
    permissions: new Set(permissions),
    expiresAtMs: undefined,
  };
};

const absent = <T extends object>(name: string): T =>
  new Proxy({} as T, {
    get: () => {
      throw new Error(`This test has no ${name}`);
    },
  });

/** A server around `register` alone: what it is not given throws when it is touched. Close it with `await using`. */
export async function serverWith(
  deps: Partial<ServerDeps> & Pick<ServerDeps, 'register'>,
): Promise<HttpServer & AsyncDisposable> {
  const metrics = deps.metrics ?? createMetrics();
  const server = createServer({
    log: silentLog,
    tracer: createTracer(),
    db: absent('database'),
    secrets: absent('secrets'),
    hub: absent('hub'),
    followSse: async () => {
      throw new Error('This test has no streams');
    },
    authenticate: authenticateByName,
    limiter: memoryLimiter(systemClock),
    ...deps,
    metrics,
    config: {
      projectName: 'Parley',
      version: '0.0.0',
      host: '127.0.0.1',
      internalHost: '127.0.0.1',
      port: 0,
      apiPort: 0,
      apiPrefix: '/api/v1',
      publicUrl: 'http://127.0.0.1',
      trustedProxies: [],
      corsOrigins: ['http://localhost:3000'],
      ...deps.config,
    },
  });
  await server.app.ready();
  return Object.assign(server, {
    [Symbol.asyncDispose]: async () => {
      metrics.close();
      await server.stop(1_000);
    },
  });
}
