import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';

/** Bound by row-level security to the tenant of its transaction. */
export const APP_ROLE = 'parley_app';
/** Sees every tenant by explicit permissive policies; used by platform code and sign-in. */
export const SYSTEM_ROLE = 'parley_system';

const ROLES = [APP_ROLE, SYSTEM_ROLE] as const;
/** duplicate_object, unique_violation on pg_authid, "tuple concurrently updated": somebody else makes the same role. */
const RACED = new Set(['42710', '23505', 'XX000', '40001']);
const MAX_ATTEMPTS = 20;

async function ensureRole(client: pg.Client, role: string): Promise<void> {
  const { rows } = await client.query<{ exists: boolean; member: boolean }>(ROLE_STATE, [role]);
  const state = rows[0];
  if (!state?.exists) await client.query(`create role ${role} nologin nosuperuser nobypassrls`);
  // A CREATEROLE owner may create a role, and still not `set role` to it until it has granted it to itself.
  const after = state?.exists ? state : (await client.query<{ member: boolean }>(ROLE_STATE, [role])).rows[0];
  if (!after?.member) await client.query(`grant ${role} to current_user`);
}

/** `set` exists since PostgreSQL 16; before it, being a member was enough. */
const ROLE_STATE = `
  select exists (select from pg_roles where rolname = $1) as exists,
         case when not exists (select from pg_roles where rolname = $1) then false
              when current_setting('server_version_num')::int >= 160000 then pg_has_role(current_user, $1::name, 'set')
              else pg_has_role(current_user, $1::name, 'member') end as member`;

/**
 * Makes the two roles where they are missing, and lets the connection's user become them. Roles belong to the whole
 * server, not to a database, so no migration makes them: several databases may be migrated at the same moment, and
 * advisory locks are per database. Whoever loses such a race tries again.
 */
export async function ensureRoles(client: pg.Client): Promise<void> {
  for (const role of ROLES) {
    for (let attempt = 1; ; attempt++) {
      try {
        await ensureRole(client, role);
        break;
      } catch (error) {
        const raced = error instanceof pg.DatabaseError && RACED.has(error.code ?? '');
        if (!raced || attempt === MAX_ATTEMPTS) throw error;
        await delay(Math.random() * 50);
      }
    }
  }
}
