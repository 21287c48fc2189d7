import type { FastifyRequest } from 'fastify';
import type { Config } from '../../../platform/config/config.ts';
import { AppError } from '../../../platform/http/errors.ts';
import { SESSION_IDLE_MS } from './rules.ts';

const NAME = 'parley_refresh';
const VALUE = new RegExp(`(?:^|;\\s*)${NAME}=([A-Za-z0-9_-]{1,512})(?:;|$)`);

/** The console's refresh token: scripts cannot read it, other sites cannot send it, other paths do not get it. */
export function createRefreshCookie(config: Pick<Config, 'apiPrefix' | 'publicUrl' | 'corsOrigins'>) {
  const attributes = [
    `Path=${config.apiPrefix}/auth`,
    'HttpOnly',
    'SameSite=Strict',
    ...(config.publicUrl.startsWith('https:') ? ['Secure'] : []),
  ].join('; ');
  const friends = new Set([new URL(config.publicUrl).origin, ...config.corsOrigins]);

  return {
    /** `Set-Cookie` that keeps a token. */
    keep: (token: string) => `${NAME}=${token}; Max-Age=${SESSION_IDLE_MS / 1_000}; ${attributes}`,
    /** `Set-Cookie` that drops it. */
    drop: () => `${NAME}=; Max-Age=0; ${attributes}`,
    /**
     * The token that the browser sent, if any. SameSite does not tell ports of one host apart, therefore a request
     * that another page made is refused: its Origin is neither ours nor one of CORS_ORIGINS.
     */
    read(request: FastifyRequest): string | undefined {
      const token = VALUE.exec(request.headers.cookie ?? '')?.[1];
      if (token === undefined) return undefined;
      const { origin, host } = request.headers;
      if (origin === undefined || friends.has(origin) || sameHost(origin, host)) return token;
      throw new AppError('permission_denied', { message: 'This page may not use the session cookie.' });
    },
  };
}

function sameHost(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && new URL(origin).host === host;
}
