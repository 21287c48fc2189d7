import type { Clock } from '../../lib/clock.ts';
import type { Db, Tx } from '../../platform/db/queries.ts';
import { append } from '../../platform/events/outbox.ts';
import { AppError } from '../../platform/http/errors.ts';
import { type JobKind, type Jobs, PermanentError, type RunningJob } from '../../platform/jobs/define.ts';
import { orderRefunded } from './events.ts';
import { EXPIRE, enqueueSettle, make, SETTLE, stateOf, write } from './moves.ts';
import { PAYMENTS_AT_ONCE } from './payment/client.ts';
import type { Answer, PaymentService } from './payment/contract.ts';
import { lookAgainMs, meaningOf, numberOf, paymentKey, refundKey, type Step, stepOf } from './rules.ts';
import { lockOrder, type OrderRow, type State } from './store.ts';

type Deps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly jobs: Jobs;
  readonly service: PaymentService | undefined;
};
type Payload = { readonly order_id: string };

/** A few hours of tries, at most a minute apart; then the dead letters tell an operator. */
const MAX_ATTEMPTS = 250;
const TIMEOUT_MS = 40_000;

/**
 * Does what the payment of an order needs, step by step, until there is nothing to do. That a question is asked is written
 * before it is: whoever dies in between is followed by one who asks again under the same key, and is told what came of it.
 */
export const settleJob = (deps: Deps): JobKind<Payload> => ({
  kind: SETTLE,
  maxAttempts: MAX_ATTEMPTS,
  timeoutMs: TIMEOUT_MS,
  concurrency: PAYMENTS_AT_ONCE,
  async handle(job) {
    for (;;) {
      const begun = await deps.db.inTx(job.ctx, (tx) => begin(tx, job, deps));
      if (begun === undefined) return;
      const { step, row } = begun;
      const answer = await ask(step, { job, row, deps });
      const ended = await deps.db.inTx(job.ctx, (tx) => record(tx, job, { step, answer, asked: row, deps }));
      if (ended) return;
    }
  },
});

type Begun = { readonly step: Exclude<Step, 'free' | 'done'>; readonly row: OrderRow };

/** Decides, under the order's lock, what to ask for; the job ends in the same transaction where that is nothing. */
async function begin(tx: Tx, job: RunningJob<Payload>, { jobs, clock, service }: Deps): Promise<Begun | undefined> {
  const row = await lockOrder(tx, job.payload.order_id);
  const step = row === undefined ? 'done' : stepOf(row);
  if (row === undefined || step === 'done') {
    await job.complete(tx);
    return undefined;
  }
  if (step === 'free') {
    await make(tx, row, { move: 'pay', now: clock.now(), jobs });
    await job.complete(tx);
    return undefined;
  }
  if (step !== 'ask') return { step, row };
  const asked: Partial<State> = {
    payment_status: 'pending',
    payment_provider: service?.name ?? null,
    payment_attempts: row.payment_attempts + 1,
  };
  return { step, row: await write(tx, row, { ...stateOf(row), ...asked }) };
}

type Asking = { readonly job: RunningJob<Payload>; readonly row: OrderRow; readonly deps: Deps };

async function ask(step: Begun['step'], { job, row, deps }: Asking): Promise<Answer> {
  try {
    const answer = await request(step, { job, row, deps });
    if (step === 'refund' && answer.verdict !== 'succeeded' && answer.verdict !== 'pending')
      throw new RefundRefused(answer);
    return answer;
  } catch (error) {
    const message = error instanceof AppError || error instanceof PermanentError ? error.message : undefined;
    // Under this key the service would refuse for ever: whoever asks again asks for something new.
    const round = error instanceof RefundRefused ? row.payment_round + 1 : row.payment_round;
    if (message !== undefined && !job.ctx.signal.aborted) await note(job, { message, round, deps });
    throw error;
  }
}

/** Only a person can help now: the job ends among the dead letters. */
class RefundRefused extends PermanentError {
  constructor({ reason, verdict }: Answer) {
    super(`The payment service refused the refund: ${reason ?? verdict}`, 'refund_refused');
  }
}

function request(step: Begun['step'], { job: { ctx }, row, deps: { service } }: Asking): Promise<Answer> {
  if (service === undefined)
    throw new AppError('unavailable', { message: 'There is no payment service: PAYMENT_URL is not set.' });
  const { id: orderId, total: amount, currency, customer, payment_round: round, payment_reference: reference } = row;
  const key = paymentKey(orderId, round);
  switch (step) {
    case 'ask': {
      const description = `Order ${numberOf(orderId)}`;
      return service.charge(ctx, { key, orderId, amount, currency, description, customer });
    }
    case 'look':
      return service.look(ctx, reference ?? '');
    case 'void':
      return service.void(ctx, { key, orderId });
    case 'refund':
      return service.refund(ctx, { key: refundKey(orderId, round), reference: reference ?? '', amount, currency });
  }
}

type Note = { readonly message: string; readonly round: number; readonly deps: Deps };

/** What went wrong is shown with the order, until it goes well. */
async function note(job: RunningJob<Payload>, { message, round, deps }: Note): Promise<void> {
  await deps.db.inTx(job.ctx, async (tx) => {
    const row = await lockOrder(tx, job.payload.order_id);
    if (row === undefined) return;
    const payment_round = Math.max(row.payment_round, round);
    if (row.payment_error === message && row.payment_round === payment_round) return;
    await write(tx, row, { ...stateOf(row), payment_error: message, payment_round });
  });
}

type Answered = {
  readonly step: Begun['step'];
  readonly answer: Answer;
  readonly asked: OrderRow;
  readonly deps: Deps;
};

/** Writes down what the service said. Answers whether the job has ended with that. */
async function record(tx: Tx, job: RunningJob<Payload>, { step, answer, asked, deps }: Answered): Promise<boolean> {
  const row = await lockOrder(tx, job.payload.order_id);
  // Somebody has moved the payment on meanwhile: this answer is an old question's.
  if (
    row === undefined ||
    row.payment_round !== asked.payment_round ||
    stepFor(row.payment_status) !== stepFor(asked.payment_status)
  )
    return false;
  const next = step === 'refund' ? await recordRefund(tx, row, answer) : await recordPayment(tx, row, { answer, deps });
  if (answer.verdict === 'pending') {
    await job.complete(tx);
    const now = deps.clock.now().getTime();
    await enqueueSettle(tx, deps.jobs, row.id, new Date(Date.now() + lookAgainMs(now - row.created_at.getTime())));
    return true;
  }
  if (stepOf(next) !== 'done') return false;
  await job.complete(tx);
  return true;
}

/** Whether the charge or the refund is what is being settled. */
const stepFor = (status: OrderRow['payment_status']) => (status === 'refunding' ? 'refund' : status);

function recordPayment(tx: Tx, row: OrderRow, { answer, deps }: { answer: Answer; deps: Deps }): Promise<OrderRow> {
  const { reference, verdict, reason } = answer;
  const { payment, move } = meaningOf(row.status, verdict);
  const changes: Partial<State> = {
    payment_status: payment,
    payment_reference: payment === 'none' ? null : (reference ?? row.payment_reference),
    payment_error: payment === 'failed' ? (reason ?? verdict) : null,
  };
  if (move === undefined) return write(tx, row, { ...stateOf(row), ...changes });
  return make(tx, row, { move, now: deps.clock.now(), jobs: deps.jobs, payment: changes });
}

async function recordRefund(tx: Tx, row: OrderRow, { verdict }: Answer): Promise<OrderRow> {
  if (verdict === 'pending') return row;
  const next = await write(tx, row, { ...stateOf(row), payment_status: 'refunded', payment_error: null });
  const { id, status, version, total: amount, currency, payment_reference: reference } = next;
  append(tx, orderRefunded, {
    ...{ stream: `orders/${id}`, subject: id },
    data: { ...{ order_id: id, number: numberOf(id), status, version }, amount, currency, reference },
  });
  return next;
}

/** Gives the pieces of an order back that was not paid in time. */
export const expireJob = ({ db, clock, jobs }: Pick<Deps, 'db' | 'clock' | 'jobs'>): JobKind<Payload> => ({
  kind: EXPIRE,
  async handle(job) {
    await db.inTx(job.ctx, async (tx) => {
      const row = await lockOrder(tx, job.payload.order_id);
      if (row?.status === 'pending') await make(tx, row, { move: 'expire', now: clock.now(), jobs });
      await job.complete(tx);
    });
  },
});
