import type { IncomingMessage } from 'node:http';
import { AppError } from '../../http/errors.ts';

/** The subprotocol that we speak. A browser that sends its token as another one has to offer this one, too. */
const PROTOCOL = 'parley.v1';
const TOKEN_PREFIX = 'bearer.';

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const KEY = /^[A-Za-z0-9+/]{22}==$/;

/** Throws `bad_request` for what is no handshake of RFC 6455, so that it is answered in our one error shape. */
export function checkHandshake({ headers }: IncomingMessage): void {
  if (!KEY.test(headers['sec-websocket-key'] ?? ''))
    throw new AppError('bad_request', { message: 'Sec-WebSocket-Key is missing, or not 16 bytes in base64.' });
  if (headers['sec-websocket-version'] !== '13')
    throw new AppError('upgrade_required', {
      message: 'Sec-WebSocket-Version must be 13.',
      headers: { 'sec-websocket-version': '13' },
    });
  const names = offered(headers);
  if (new Set(names).size < names.length || names.some((name) => !NAME.test(name)))
    throw new AppError('bad_request', { message: 'Sec-WebSocket-Protocol must be a list of different names.' });
}

export type Origins = { readonly publicUrl: string; readonly corsOrigins: readonly string[] };

/**
 * Throws `permission_denied` for a page of an origin that is not let in: neither ours, nor one of `CORS_ORIGINS`.
 * Programs send no Origin. No cookie counts here, so a page that is let in by `*` still has to bring a token.
 */
export function checkOrigin({ headers }: IncomingMessage, { publicUrl, corsOrigins }: Origins): void {
  const { origin, host } = headers;
  if (origin === undefined || corsOrigins.includes('*') || corsOrigins.includes(origin)) return;
  if (URL.canParse(origin)) {
    const from = new URL(origin);
    if (from.origin === new URL(publicUrl).origin || from.host === host) return;
  }
  throw new AppError('permission_denied', {
    message: 'Pages of this origin may not connect: add it to CORS_ORIGINS.',
  });
}

const offered = (headers: IncomingMessage['headers']): string[] => {
  const text = headers['sec-websocket-protocol'];
  return text === undefined ? [] : text.split(',').map((name) => name.trim());
};

/** The token that came as a subprotocol: `new WebSocket(url, ['parley.v1', 'bearer.' + token])`. */
export function tokenOffered({ headers }: IncomingMessage): string | undefined {
  return offered(headers)
    .find((name) => name.startsWith(TOKEN_PREFIX))
    ?.slice(TOKEN_PREFIX.length);
}

/**
 * Which subprotocol to answer with. A browser gives up where it has offered some and none is taken, so a token that came
 * alone is taken as one.
 */
export const chooseProtocol = (protocols: ReadonlySet<string>): string | false => {
  if (protocols.has(PROTOCOL)) return PROTOCOL;
  const [first] = protocols;
  return first?.startsWith(TOKEN_PREFIX) ? first : false;
};
