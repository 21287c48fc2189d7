import { type Static, Type } from 'typebox';
import type { Router } from './router.ts';

const Health = Type.Object({ status: Type.Literal('ok') }, { title: 'Health' });

const Readiness = Type.Object(
  {
    status: Type.Union([Type.Literal('ok'), Type.Literal('degraded'), Type.Literal('unavailable')]),
    database: Type.Union([Type.Literal('connected'), Type.Literal('disconnected')]),
    redis: Type.Union([Type.Literal('connected'), Type.Literal('disconnected'), Type.Literal('disabled')]),
  },
  { title: 'Readiness' },
);

/** `disabled`: none is configured, and none is needed. */
export type PartState = 'connected' | 'disconnected' | 'disabled';

export type HealthDeps = {
  /** Throws when the database does not answer. */
  ping(): Promise<void>;
  /** Absent where no Redis is configured. */
  readonly redis?: () => Promise<PartState>;
  /** True once the process is stopping: balancers must look elsewhere although everything still works. */
  draining(): boolean;
};

/** A readiness probe that waits longer than this has failed. */
const PROBE_TIMEOUT_MS = 2_000;

/** `/health` says that the process answers, and asks nobody; `/health/ready` asks what it depends on. */
export function healthRoutes(deps: HealthDeps): (router: Router) => void {
  return (router) => {
    router.publicRoute({
      method: 'GET',
      url: '/health',
      operationId: 'getHealth',
      summary: 'Whether the server runs',
      description: 'Asks nothing of the database: for liveness probes.',
      tag: 'health',
      access: 'public',
      response: Health,
      handler: async () => ({ status: 'ok' as const }),
    });
    router.publicRoute({
      method: 'GET',
      url: '/health/ready',
      operationId: 'getReadiness',
      summary: 'Whether the server can do its work',
      description:
        '503 when the database, or a configured Redis, is down, and while the server is stopping. With ' +
        '`allow=degraded` it stays 200 (`degraded`) when only Redis is down, because the product goes on without it.',
      tag: 'health',
      access: 'public',
      query: Type.Object({ allow: Type.Optional(Type.Literal('degraded')) }),
      response: Readiness,
      alsoStatus: [503],
      handler: async ({ query, reply }) => {
        const state = await readiness(deps, query.allow === 'degraded');
        reply.code(state.status === 'unavailable' ? 503 : 200).header('cache-control', 'no-store');
        return state;
      },
    });
  };
}

/** Whether the process can do its work, and what it lacks. */
export async function readiness(deps: HealthDeps, allowDegraded: boolean): Promise<Static<typeof Readiness>> {
  const [database, redis] = await Promise.all([databaseState(deps), redisState(deps)]);
  const lacking = database === 'disconnected' || deps.draining();
  const degraded = redis === 'disconnected';
  const status = lacking || (degraded && !allowDegraded) ? 'unavailable' : degraded ? 'degraded' : 'ok';
  return { status, database, redis };
}

async function databaseState(deps: HealthDeps): Promise<'connected' | 'disconnected'> {
  return (await answersInTime(deps.ping())) ? 'connected' : 'disconnected';
}

async function redisState(deps: HealthDeps): Promise<PartState> {
  if (deps.redis === undefined) return 'disabled';
  let state: PartState = 'disconnected';
  const asked = deps.redis().then((answer) => {
    state = answer;
  });
  await answersInTime(asked);
  return state;
}

async function answersInTime(probe: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), PROBE_TIMEOUT_MS);
  });
  try {
    return await Promise.race([probe.then(() => true), late]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}
