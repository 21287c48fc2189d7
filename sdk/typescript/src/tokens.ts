/** Where the transport gets its bearer token. */
export interface TokenSource {
  /** The token to send now; undefined sends none. */
  get(): Promise<string | undefined>;
  /** The server refused `stale`. A new token, or undefined when there is none to be had. */
  renew(stale: string | undefined): Promise<string | undefined>;
}

/** An API key: it never changes, so a refusal is final. */
export function fixedToken(token: string): TokenSource {
  return { get: async () => token, renew: async () => undefined };
}

/** A function of yours that hands out access tokens; asked again (`stale` given) after a 401. */
export function providedToken(provide: (stale?: string) => string | Promise<string>): TokenSource {
  return {
    get: async () => provide(),
    renew: async (stale) => {
      const token = await provide(stale);
      return token === stale ? undefined : token;
    },
  };
}

/** What the token endpoint answers; `refresh_token` is absent in cookie mode. */
export type TokenAnswer = {
  access_token: string;
  expires_in: number;
  refresh_token?: string | undefined;
};

type SessionOptions = {
  /** Asks the token endpoint; undefined means the session is over. Throws when the server cannot be reached. */
  refresh(refreshToken: string | undefined): Promise<TokenAnswer | undefined>;
  /** `cookie`: the refresh token is the browser's, we never see it. */
  mode: 'cookie' | 'memory';
  now?: () => number;
};

/** Renewed this long before it runs out, so that a slow request does not meet a dead token. */
const MARGIN_MS = 30_000;

/**
 * A signed-in person's tokens. The access token lives here and nowhere else. However many requests need a new one
 * at once, one refresh runs.
 */
export class SessionTokens implements TokenSource {
  readonly #options: SessionOptions;
  readonly #listeners = new Set<(signedIn: boolean) => void>();
  readonly #now: () => number;
  #access: string | undefined;
  #expiresAt = 0;
  #refreshToken: string | undefined;
  #refreshing: Promise<string | undefined> | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  get signedIn(): boolean {
    return this.#access !== undefined;
  }

  /** The refresh token of a `memory` session, for whoever wants to keep it. */
  get refreshToken(): string | undefined {
    return this.#refreshToken;
  }

  onChange(listener: (signedIn: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  accept(answer: TokenAnswer): void {
    const before = this.signedIn;
    this.#access = answer.access_token;
    this.#expiresAt = this.#now() + answer.expires_in * 1000;
    if (answer.refresh_token !== undefined) this.#refreshToken = answer.refresh_token;
    if (!before) this.#tell();
  }

  /** Starts from a kept refresh token; the next request trades it in. */
  resume(refreshToken: string): void {
    this.#refreshToken = refreshToken;
  }

  clear(): void {
    const before = this.signedIn;
    this.#access = undefined;
    this.#refreshToken = undefined;
    this.#expiresAt = 0;
    if (before) this.#tell();
  }

  async get(): Promise<string | undefined> {
    if (this.#access !== undefined && this.#now() < this.#expiresAt - MARGIN_MS) return this.#access;
    if (this.#access === undefined && this.#refreshToken === undefined) return undefined;
    return this.renew(this.#access);
  }

  renew(stale: string | undefined): Promise<string | undefined> {
    if (this.#access !== stale && this.#access !== undefined) return Promise.resolve(this.#access);
    if (this.#options.mode === 'memory' && this.#refreshToken === undefined) return Promise.resolve(undefined);
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #refresh(): Promise<string | undefined> {
    const answer = await this.#options.refresh(this.#refreshToken);
    if (answer === undefined) {
      this.clear();
      return undefined;
    }
    this.accept(answer);
    return answer.access_token;
  }

  #tell(): void {
    for (const listener of this.#listeners) listener(this.signedIn);
  }
}
