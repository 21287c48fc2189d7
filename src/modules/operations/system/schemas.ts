import { type Static, type TSchema, Type } from 'typebox';
import { ProcessInfo } from '../streams/schemas.ts';

const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const time = () => Type.String({ format: 'date-time' });
const count = (description: string) => Type.Integer({ minimum: 0, description });

const Build = Type.Object({
  version: Type.String({ description: "The program's own." }),
  node: Type.String(),
  platform: Type.String({ description: '`linux-x64` and its like.' }),
  profile: Type.Enum(['development', 'testing', 'production']),
});

const JobsOfKind = Type.Object({
  kind: Type.String(),
  running: count('Being worked at.'),
  due: count('Waiting for a free hand.'),
  scheduled: count('Their time has not come.'),
  retrying: count('Of those that wait: how many failed before.'),
  next_run_at: nullable(time()),
  oldest_at: Type.String({ format: 'date-time', description: 'When the oldest of them was entered.' }),
});

const Breaker = Type.Object({
  name: Type.String({ description: 'What it guards.' }),
  state: Type.Enum(['closed', 'half_open', 'open'], {
    description: 'closed: calls are made. open: they are refused at once. half_open: one tries whether it is back.',
  }),
});

const ServingProcess = Type.Interface([ProcessInfo], {
  breakers: Type.Array(Breaker, { description: 'As it told them last: within half a second of a change.' }),
});

const Bulkhead = Type.Object({
  name: Type.String(),
  limit: count('Calls that may run at once.'),
  in_use: count('That run.'),
  waiting: count('That wait.'),
});

const Cache = Type.Object({
  name: Type.String(),
  hits: count('Since this process started; the others, too.'),
  misses: count('Nothing was there: it was loaded.'),
  stale: count('An old text was given out because loading failed or was slow.'),
  fills: count('Loads.'),
  waits: count('Look-ups that waited for a load which was under way.'),
  hit_ratio: nullable(Type.Number({ minimum: 0, maximum: 1, description: 'Null: nothing was asked for yet.' })),
});

/** What a tenant may know of the server that serves it, and of its own part in it. */
export const System = Type.Object(
  {
    name: Type.String({ description: '`PROJECT_NAME`.' }),
    build: Build,
    roles: Type.Array(Type.String()),
    started_at: time(),
    uptime_seconds: Type.Integer({ minimum: 0 }),
    database: Type.Object({
      status: Type.Enum(['connected', 'disconnected']),
      version: nullable(Type.String({ description: "PostgreSQL's." })),
      packaged: Type.Boolean({
        description: 'True: the one that comes with Parley; false: the one of `DATABASE_URL`.',
      }),
    }),
    redis: Type.Object({
      status: Type.Enum(['connected', 'disconnected', 'disabled'], {
        description: 'disabled: none is set, and one process does everything.',
      }),
    }),
    processes: nullable(
      Type.Array(ServingProcess, { description: 'That serve this installation now. Null: the database is away.' }),
    ),
    breakers: Type.Array(Breaker, {
      description:
        'Of the process that answers; so are bulkheads and caches. Those of the others stand with each process.',
    }),
    bulkheads: Type.Array(Bulkhead),
    caches: Type.Object({
      entries: count('In the memory of this process.'),
      bytes: count('That they take there.'),
      items: Type.Array(Cache),
    }),
    log: Type.Object({
      position: Type.Integer({
        minimum: 0,
        description: "The newest position that this process has read of the tenant's log.",
      }),
      lag_ms: nullable(
        Type.Integer({ description: 'How long ago it was last seen to be at the head. Null: not yet.' }),
      ),
      retention_days: Type.Integer(),
    }),
    jobs: nullable(
      Type.Array(JobsOfKind, { description: "The tenant's, that are not finished. Null: the database is away." }),
    ),
    dead_letters: nullable(
      Type.Integer({ description: 'Of the tenant. Null: the database is away, or you may not read them.' }),
    ),
    connections: count('Open event streams of the tenant in this process.'),
  },
  { title: 'System' },
);

export type System = Static<typeof System>;
export type JobsOfKind = Static<typeof JobsOfKind>;
