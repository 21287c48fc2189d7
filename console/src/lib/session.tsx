import { type Me, Parley, ParleyError } from '@parley/sdk';
import { createContext, type ReactNode, useCallback, useContext, useEffect, useState } from 'react';
import { CacheProvider } from './resource.tsx';

type State =
  | { status: 'starting' }
  | { status: 'out' }
  | { status: 'unreachable'; error: unknown }
  | { status: 'in'; me: Me };
type Session = {
  client: Parley;
  state: State;
  /** Reads anew who is signed in; after signing in, or when something about them changed. */
  refresh(): Promise<void>;
  signOut(): Promise<void>;
};

const SessionContext = createContext<Session | undefined>(undefined);

function makeClient(): Parley {
  const meta = document.querySelector<HTMLMetaElement>('meta[name="parley-api"]');
  return new Parley({ baseUrl: window.location.origin + (meta?.content ?? '/api/v1'), session: 'cookie' });
}

/** Who is signed in. The access token lives in the client, in memory; the refresh token in a cookie no script can read. */
export function SessionProvider({ children }: { children: ReactNode }): ReactNode {
  const [client] = useState(makeClient);
  const [state, setState] = useState<State>({ status: 'starting' });

  const refresh = useCallback(async () => {
    try {
      const signedIn = await client.auth.restore();
      setState(signedIn ? { status: 'in', me: await client.auth.me() } : { status: 'out' });
    } catch (error) {
      if (error instanceof ParleyError && error.status === 401) setState({ status: 'out' });
      else setState((before) => (before.status === 'in' ? before : { status: 'unreachable', error }));
    }
  }, [client]);

  const signOut = useCallback(async () => {
    await client.auth.signOut();
    setState({ status: 'out' });
  }, [client]);

  useEffect(() => {
    void refresh();
    return client.auth.onChange((signedIn) => {
      if (!signedIn) setState({ status: 'out' });
    });
  }, [client, refresh]);

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
export function useMe(): Me {
  const { state } = useSession();
  if (state.status !== 'in') throw new Error('useMe without a signed-in person');
  return state.me;
}

/** Whether the signed-in person may: what they may not, the console does not offer. */
export function useCan(): (permission: string) => boolean {
  const { permissions } = useMe();
  return (permission) => permissions.includes(permission);
}
