import { type Me, Parley, ParleyError, type Permission, type User } from '@parley/sdk';
import { createContext, type ReactNode, useCallback, useContext, useEffect, useState } from 'react';
import { sessionHint } from './hint.ts';
import { told } from './page.ts';
import { CacheProvider } from './resource.tsx';

/** A person: only people sign in here, keys do not. */
type Person = Me & { user: User };
type State =
  | { status: 'starting' }
  | { status: 'out' }
  | { status: 'unreachable'; error: unknown }
  | { status: 'in'; me: Person };
type Session = {
  client: Parley;
  state: State;
  /** Reads anew who is signed in; after signing in, or when something about them changed. */
  refresh(): Promise<void>;
  signOut(): Promise<void>;
};

const SessionContext = createContext<Session | undefined>(undefined);

function makeClient(): Parley {
  return new Parley({ baseUrl: window.location.origin + told('parley-api', '/api/v1'), session: 'cookie' });
}

async function person(client: Parley): Promise<Person> {
  const { user, ...me } = await client.auth.me();
  if (!user) throw new Error('A session without a person');
  return { ...me, user };
}

/** Who is signed in. The access token lives in the client, in memory; the refresh token in a cookie no script can read. */
export function SessionProvider({ children }: { children: ReactNode }): ReactNode {
  const [client] = useState(makeClient);
  const [state, setState] = useState<State>({ status: 'starting' });

  const leave = useCallback(() => {
    sessionHint.set(false);
    setState({ status: 'out' });
  }, []);

  const refresh = useCallback(async () => {
    try {
      const signedIn = client.auth.signedIn || (sessionHint.get() && (await client.auth.restore()));
      sessionHint.set(signedIn);
      setState(signedIn ? { status: 'in', me: await person(client) } : { status: 'out' });
    } catch (error) {
      if (error instanceof ParleyError && error.status === 401) leave();
      else setState((before) => (before.status === 'in' ? before : { status: 'unreachable', error }));
    }
  }, [client, leave]);

  const signOut = useCallback(async () => {
    await client.auth.signOut();
    leave();
  }, [client, leave]);

  useEffect(() => {
    void refresh();
    const hears = [
      client.auth.onChange((signedIn) => (signedIn ? sessionHint.set(true) : leave())),
      sessionHint.onChange((signedIn) => (signedIn ? void refresh() : setState({ status: 'out' }))),
    ];
    return () => {
      for (const stop of hears) stop();
    };
  }, [client, refresh, leave]);

  const key = state.status === 'in' ? state.me.user.id + state.me.tenant.id : state.status;
  return (
    <SessionContext value={{ client, state, refresh, signOut }}>
      <CacheProvider key={key}>{children}</CacheProvider>
    </SessionContext>
  );
}

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error('useSession outside of SessionProvider');
  return session;
}

export const useClient = (): Parley => useSession().client;

/** Who is signed in. Only on pages behind the sign-in. */
export function useMe(): Person {
  const { state } = useSession();
  if (state.status !== 'in') throw new Error('useMe without a signed-in person');
  return state.me;
}

/** Whether the signed-in person may: what they may not, the console does not offer. */
export function useCan(): (permission: Permission) => boolean {
  const { permissions } = useMe();
  return (permission) => permissions.includes(permission);
}
