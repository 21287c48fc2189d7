import type pg from 'pg';
import { connect } from './connection.ts';
import { type Holder, holderOf } from './owner.ts';
import { APP_ROLE, SYSTEM_ROLE } from './roles.ts';
import { INSPECT } from './sql.ts';

export type DatabaseState = {
  readonly majorVersion: number;
  readonly encoding: string;
  /** Both roles exist, and this user may become them. */
  readonly rolesReady: boolean;
  readonly mayCreateRoles: boolean;
  /** Who serves it now. */
  readonly holder: Holder | undefined;
};

/** What a start would find. Throws where the server cannot be reached. `ownerUrl` is where the owner holds its lock. */
export async function inspectDatabase(url: string, ownerUrl = url): Promise<DatabaseState> {
  const state = await asking(url, async (client) => {
    const { rows } = await client.query<Omit<DatabaseState, 'holder'>>(INSPECT, [[APP_ROLE, SYSTEM_ROLE]]);
    return rows[0];
  });
  if (state === undefined) throw new Error('The server did not say what it is');
  return { ...state, holder: await asking(ownerUrl, holderOf) };
}

async function asking<T>(url: string, ask: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await connect(url, { applicationName: 'parley doctor' });
  try {
    return await ask(client);
  } finally {
    await client.end();
  }
}
