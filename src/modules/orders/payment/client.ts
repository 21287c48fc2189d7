import type { Ctx } from '../../../platform/context.ts';
import { AppError } from '../../../platform/http/errors.ts';
import { PermanentError } from '../../../platform/jobs/define.ts';
import type { Outbound } from '../../../platform/net/outbound.ts';
import type { Reliability } from '../../../platform/reliability/reliability.ts';
import { timeout } from '../../../platform/reliability/timeout.ts';
import { formatTraceparent } from '../../../platform/telemetry/trace.ts';
import type { Verdict } from '../rules.ts';
import type { Answer, PaymentService } from './contract.ts';

const NAME = 'The payment service';
/** Of one request, and of one call with its repeats. */
const TRY_MS = 5_000;
const CALL_MS = 15_000;
/** As many as jobs that pay run in one process: none of them waits for another. */
export const PAYMENTS_AT_ONCE = 16;
const MAX_REASON = 500;

const MAX_ID = 255;
const VERDICTS: ReadonlySet<unknown> = new Set<Verdict>(['succeeded', 'failed', 'pending', 'voided']);

type Request = {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly key?: string;
  readonly body?: object;
};

type Deps = {
  readonly name: PaymentService['name'];
  /** Asked with each request: the rehearsal has no address before it is needed. */
  readonly address: () => Promise<{ readonly url: string; readonly apiKey: string | undefined }>;
  readonly outbound: Pick<Outbound, 'fetch'>;
  readonly reliability: Reliability;
};

/** Speaks to a payment service as docs/guides/orders.md tells: guarded by deadline, retry, breaker, bulkhead. */
export function createPaymentClient({ name, address, outbound, reliability }: Deps): PaymentService {
  const reach = outbound.fetch('operator');
  const breaker = reliability.breaker({ name: 'payments', isFailure: isTrouble, refuse: spared });
  const bulkhead = reliability.bulkhead({ name: 'payments', limit: PAYMENTS_AT_ONCE, queue: PAYMENTS_AT_ONCE });
  const again = reliability.retry({ name: 'payments', maxAttempts: 3, backoff: { baseMs: 100, capMs: 1_000 } });
  const once = timeout({ name: NAME, ms: TRY_MS });
  const whole = timeout({ name: NAME, ms: CALL_MS });

  const ask = whole(again(breaker.wrap(once(bulkhead.wrap(send)))));

  async function send(ctx: Ctx, { method, path, key, body }: Request): Promise<Answer> {
    const { url, apiKey } = await address();
    let response: Response;
    let text: string;
    try {
      response = await reach(`${url.replace(/\/+$/, '')}${path}`, {
        method,
        headers: {
          accept: 'application/json',
          traceparent: formatTraceparent(ctx.trace),
          'x-request-id': ctx.requestId,
          ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
          ...(key !== undefined && { 'idempotency-key': key }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: ctx.signal,
      });
      text = await response.text();
    } catch (cause) {
      ctx.signal.throwIfAborted();
      throw new AppError('upstream_unavailable', { message: `${NAME} could not be reached.`, cause });
    }
    const said = parsed(text);
    // A refusal may come with 402: it is an answer all the same.
    const answer = response.ok || response.status === 402 ? answerIn(said) : undefined;
    if (answer === undefined) throw failureOf(response, said);
    return answer;
  }

  return {
    name,
    charge: (ctx, { key, orderId: order_id, amount, currency, description, customer }) =>
      ask(ctx, {
        ...{ method: 'POST', path: '/payments', key },
        body: { order_id, amount, currency, description, customer },
      }),
    look: (ctx, reference) => ask(ctx, { method: 'GET', path: `/payments/${encodeURIComponent(reference)}` }),
    void: (ctx, { key, orderId: order_id }) =>
      ask(ctx, { method: 'POST', path: '/payments/void', key, body: { order_id } }),
    refund: (ctx, { key, reference, amount, currency }) =>
      ask(ctx, {
        ...{ method: 'POST', path: `/payments/${encodeURIComponent(reference)}/refunds`, key },
        body: { amount, currency },
      }),
  };
}

/** Undefined for what is no answer of the protocol. Only where nothing was charged may the id be missing. */
function answerIn(said: unknown): Answer | undefined {
  if (typeof said !== 'object' || said === null) return undefined;
  const { id, status, reason } = said as Record<string, unknown>;
  if (!VERDICTS.has(status)) return undefined;
  const named = typeof id === 'string' && id !== '' && id.length <= MAX_ID;
  if (!named && status !== 'voided' && status !== 'failed') return undefined;
  return {
    reference: named ? id : null,
    verdict: status as Verdict,
    reason: typeof reason === 'string' && reason !== '' ? reason.slice(0, MAX_REASON) : null,
  };
}

const spared = (retryAfterMs: number) =>
  new AppError('upstream_unavailable', {
    message: `${NAME} is not available at the moment.`,
    headers: { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1_000))) },
  });

/** A request that the service refuses says nothing of how the service does. */
const isTrouble = (error: unknown): boolean =>
  !(error instanceof PermanentError) && !(error instanceof AppError && error.status < 500);

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Statuses under which the same request may fare better later: asked too early or too often, or a key that was changed. */
const PASSING = new Set([401, 403, 408, 409, 425, 429]);

/** What a status that is no answer means. Of a 2xx nobody understands, it is not known what was done. */
function failureOf({ status, headers }: Response, said: unknown): Error {
  const why = reasonIn(said);
  if (status >= 400 && status < 500 && !PASSING.has(status))
    return new PermanentError(`${NAME} refused the request with ${status}${why}`, 'payment_refused');
  const seconds = headers.get('retry-after');
  const understood = status >= 300 ? `answered ${status}${why}` : 'gave an answer that is none';
  return new AppError('upstream_unavailable', {
    message: `${NAME} ${understood}.`,
    ...(seconds !== null && /^\d{1,6}$/.test(seconds) && { headers: { 'retry-after': seconds } }),
  });
}

function reasonIn(said: unknown): string {
  if (typeof said !== 'object' || said === null || !('reason' in said)) return '';
  return typeof said.reason === 'string' ? `: ${said.reason.slice(0, 200)}` : '';
}
