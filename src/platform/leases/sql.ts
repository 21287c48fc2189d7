import { sql } from 'kysely';

/** A process that has been silent for longer holds nothing any more. All times are the database's clock. */
export const LEASE_TTL_MS = 2000;

const TTL = sql`${sql.lit(LEASE_TTL_MS)} * interval '1 millisecond'`;

type Process = { readonly id: string; readonly host: string; readonly pid: number };

/** Says that the process lives. `kept` is false when it had been silent for longer than the ttl, or is new. */
export const beat = ({ id, host, pid }: Process) => sql<{ kept: boolean }>`
  with before as (select seen_at from processes where id = ${id})
  insert into processes (id, host, pid) values (${id}, ${host}, ${pid})
  on conflict (id) do update set seen_at = clock_timestamp()
  returning coalesce((select seen_at > clock_timestamp() - ${TTL} from before), false) as kept`;

/** A condition on a column that names a process: it is dead, or was never there. */
export const isDead = (holder: string) => sql`
  not exists (select from processes p where p.id = ${sql.ref(holder)} and p.seen_at > clock_timestamp() - ${TTL})`;

export type Acquired = { readonly name: string; readonly fence: number; readonly crashed: boolean };

/**
 * Takes those of `names` that nobody living holds; each gets a new fence. `crashed` tells that the holder before did
 * not give it back. Those of the living are not touched: others ask for them twice a second.
 */
export const acquire = (names: readonly string[], processId: string) => sql<Acquired>`
  with before as (select name, holder from leases where name = any(${names}::text[])),
       free as (
         select n.name from unnest(${names}::text[]) as n (name) left join before b on b.name = n.name
          where b.holder is null or b.holder = ${processId}::uuid or ${isDead('b.holder')}),
       taken as (
         insert into leases as l (name, holder, fence)
         select name, ${processId}::uuid, 1 from free order by name
         on conflict (name) do update set holder = excluded.holder, fence = l.fence + 1
          where l.holder is null or l.holder = excluded.holder or ${isDead('l.holder')}
         returning name, fence)
  select taken.name, taken.fence, coalesce(before.holder <> ${processId}::uuid, false) as crashed
    from taken left join before on before.name = taken.name`;

/** What a process tells those who look at all of them. */
export type Described = {
  readonly roles: readonly string[];
  /** How each of its breakers stands. */
  readonly breakers: readonly { readonly name: string; readonly state: string }[];
};

export const describe = (processId: string, { roles, breakers }: Described) => sql`
  update processes set roles = ${roles}::text[], breakers = ${JSON.stringify(breakers)}::jsonb where id = ${processId}`;

/** How many living processes have this role. */
export const countLiving = (role: string) => sql<{ count: number }>`
  select count(*) from processes where seen_at > clock_timestamp() - ${TTL} and ${role} = any(roles)`;

export const heldBy = (processId: string) => sql<{ name: string; fence: number }>`
  select name, fence from leases where holder = ${processId}`;

export const release = (names: readonly string[], processId: string) => sql`
  update leases set holder = null where name = any(${names}::text[]) and holder = ${processId}`;

export const leave = (processId: string) => sql`
  with given_back as (update leases set holder = null where holder = ${processId})
  delete from processes where id = ${processId}`;

export const declareOthersDead = (processId: string) => sql`delete from processes where id <> ${processId}`;

/** Rows of processes that ended long ago. One that was only paused writes its row again. */
export const forgetDead = sql`delete from processes where seen_at < clock_timestamp() - interval '1 hour'`;
