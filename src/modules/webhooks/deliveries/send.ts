import { type Answer, type Outbound, OutboundRefused } from '../../../platform/net/outbound.ts';
import { excerptOf, succeeded } from '../rules.ts';

/** What came of one POST. `answered` is false where the receiver's host said nothing, or nothing of use. */
export type Sent = {
  readonly status: number | null;
  readonly latencyMs: number;
  /** Fit for whoever set the URL; null: it succeeded. */
  readonly error: string | null;
  readonly response: string | null;
  readonly retryAfter: string | undefined;
};

type Message = { readonly url: string; readonly headers: Record<string, string>; readonly body: string };
export type Send = (message: Message, signal: AbortSignal) => Promise<Sent>;

export const TIMEOUT_MS = 15_000;
/** Once the status is there, the rest of the answer is only for people to read. */
const BODY_MS = 2_000;
const BODY_CHARS = 2_000;

/**
 * POSTs through the guard of `platform/net` for addresses that tenants set: public ones only, vetted for the very
 * connection, no redirect followed. Never throws but for the caller's own signal.
 */
export function createSend(outbound: Pick<Outbound, 'post'>, timeoutMs = TIMEOUT_MS): Send {
  const post = outbound.post('tenant');
  return async ({ url, headers, body }, signal) => {
    const begun = performance.now();
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), timeoutMs);
    const elapsed = () => Math.round(performance.now() - begun);
    try {
      const answer = await post(url, { headers, body, signal: AbortSignal.any([signal, deadline.signal]) });
      const latencyMs = elapsed();
      const response = await excerpt(answer);
      const error = succeeded(answer.status) ? null : `The receiver answered ${answer.status}.`;
      return { status: answer.status, latencyMs, error, response, retryAfter: answer.headers['retry-after'] };
    } catch (error) {
      signal.throwIfAborted();
      const why = deadline.signal.aborted ? `No answer within ${timeoutMs / 1_000} seconds.` : whyOf(error);
      return { status: null, latencyMs: elapsed(), error: why, response: null, retryAfter: undefined };
    } finally {
      clearTimeout(timer);
    }
  };
}

/** The beginning of the body, if it comes soon. A body that is cut, endless or slow changes nothing of the status. */
async function excerpt({ body, drop }: Answer): Promise<string | null> {
  let text = '';
  const timer = setTimeout(drop, BODY_MS);
  try {
    for await (const piece of body) {
      text += piece;
      if (text.length >= BODY_CHARS) break;
    }
  } catch {
    // Cut, by the receiver or by the timer: what came is shown.
  } finally {
    clearTimeout(timer);
    drop();
  }
  return excerptOf(text);
}

const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'The name of its host does not exist.',
  EAI_AGAIN: 'The name of its host could not be looked up.',
  ECONNREFUSED: 'Its host refused the connection.',
  ECONNRESET: 'The connection was cut.',
  EPIPE: 'The connection was cut.',
  UND_ERR_SOCKET: 'The connection was cut.',
  ETIMEDOUT: 'Its host could not be reached.',
  EHOSTUNREACH: 'Its host could not be reached.',
  ENETUNREACH: 'Its host could not be reached.',
  UND_ERR_CONNECT_TIMEOUT: 'Its host could not be reached.',
};

/** In words of ours: those of the system may name addresses within. */
function whyOf(error: unknown): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof OutboundRefused) return cause.message;
    const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
    const known = REASONS[code];
    if (known !== undefined) return known;
    if (/^(ERR_TLS|ERR_SSL|CERT_|DEPTH_|UNABLE_TO_|SELF_SIGNED|EPROTO)/.test(code))
      return 'Its TLS certificate or handshake failed.';
    if (cause.name === 'HTTPParserError') return 'The answer was not HTTP.';
  }
  return 'The request failed.';
}
