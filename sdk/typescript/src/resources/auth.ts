import { connectionError, ParleyError } from '../errors.ts';
import type { SessionTokens, TokenAnswer } from '../tokens.ts';
import type { RequestOptions, Transport } from '../transport.ts';
import type { Me, Session, SignUpInput, Tenant, User } from '../types.ts';

type Registered = TokenAnswer & { user: User; tenant: Tenant };

/** Signing in and out, and what a signed-in person may see of their own. */
export class Auth {
  readonly #transport: Transport;
  readonly #session: SessionTokens | undefined;
  readonly #cookie: boolean;

  constructor(transport: Transport, session: SessionTokens | undefined, cookie: boolean) {
    this.#transport = transport;
    this.#session = session;
    this.#cookie = cookie;
  }

  get signedIn(): boolean {
    return this.#session?.signedIn ?? false;
  }

  /** Told when somebody signs in, and when the session is over (signed out, revoked, run out). */
  onChange(listener: (signedIn: boolean) => void): () => void {
    return this.#needed().onChange(listener);
  }

  /** Makes a tenant and its owner, and signs in as them. */
  async signUp(input: SignUpInput, options?: RequestOptions): Promise<{ user: User; tenant: Tenant }> {
    const session = this.#needed();
    const answer = await this.#transport.json<Registered>(
      { method: 'POST', path: '/auth/register', body: { ...input, ...this.#mode() }, creates: true, anonymous: true },
      options,
    );
    session.accept(answer);
    return { user: answer.user, tenant: answer.tenant };
  }

  async signIn(
    input: { email: string; password: string; tenant_id?: string },
    options?: RequestOptions,
  ): Promise<void> {
    const session = this.#needed();
    const { email, password, tenant_id } = input;
    const body = {
      grant_type: 'password',
      username: email,
      password,
      ...(tenant_id && { tenant_id }),
      ...this.#mode(),
    };
    session.accept(await this.#token(body, options));
  }

  async acceptInvitation(
    input: { token: string; name?: string; password: string },
    options?: RequestOptions,
  ): Promise<void> {
    const session = this.#needed();
    const answer = await this.#transport.json<Partial<TokenAnswer> | undefined>(
      {
        method: 'POST',
        path: '/auth/invitations/accept',
        body: { ...input, ...this.#mode() },
        creates: true,
        anonymous: true,
      },
      options,
    );
    if (answer?.access_token !== undefined) session.accept(answer as TokenAnswer);
  }

  /** Picks up the session that the browser's cookie holds. False: nobody is signed in. */
  async restore(): Promise<boolean> {
    const session = this.#needed();
    if (session.signedIn) return true;
    return (await session.renew(undefined)) !== undefined;
  }

  async signOut(options?: RequestOptions): Promise<void> {
    const session = this.#needed();
    const token = session.refreshToken;
    try {
      await this.#transport.json({ method: 'POST', path: '/auth/revoke', body: token ? { token } : {} }, options);
    } catch (error) {
      if (!(error instanceof ParleyError) || error.type === 'connection') throw error;
    }
    session.clear();
  }

  me(options?: RequestOptions): Promise<Me> {
    return this.#transport.json({ method: 'GET', path: '/auth/me' }, options);
  }

  changePassword(body: { current_password: string; new_password: string }, options?: RequestOptions): Promise<void> {
    return this.#transport.json({ method: 'POST', path: '/auth/password', body }, options);
  }

  async sessions(options?: RequestOptions): Promise<Session[]> {
    const { items } = await this.#transport.json<{ items: Session[] }>(
      { method: 'GET', path: '/auth/sessions' },
      options,
    );
    return items;
  }

  revokeSession(id: string, options?: RequestOptions): Promise<void> {
    return this.#transport.json({ method: 'DELETE', path: `/auth/sessions/${encodeURIComponent(id)}` }, options);
  }

  /** A single-use ticket for a plain EventSource, which cannot send a token: append it as `?ticket=`. */
  ticket(path: string, options?: RequestOptions): Promise<{ ticket: string; expires_in: number }> {
    return this.#transport.json({ method: 'POST', path: '/tickets', body: { path }, creates: true }, options);
  }

  #token(body: Record<string, string>, options?: RequestOptions): Promise<TokenAnswer> {
    return this.#transport.json({ method: 'POST', path: '/auth/token', body, anonymous: true }, options);
  }

  #mode(): { session?: 'cookie' } {
    return this.#cookie ? { session: 'cookie' } : {};
  }

  #needed(): SessionTokens {
    if (this.#session) return this.#session;
    throw connectionError('no_session', 'This client was made with a key or a token: it has no session to sign in to.');
  }
}

/** Trades a refresh token (the cookie's, where none is given) for new tokens; undefined: the session is over. */
export async function refresh(
  transport: Transport,
  refreshToken: string | undefined,
  cookie: boolean,
): Promise<TokenAnswer | undefined> {
  const body = {
    grant_type: 'refresh_token',
    ...(refreshToken !== undefined && { refresh_token: refreshToken }),
    ...(cookie && { session: 'cookie' }),
  };
  try {
    return await transport.json({ method: 'POST', path: '/auth/token', body, anonymous: true });
  } catch (error) {
    if (error instanceof ParleyError && (error.status === 400 || error.status === 401)) return undefined;
    throw error;
  }
}
