import type { OrderEvent, OrderFacts, OrderStatus } from '@parley/sdk';
import { plural } from '../../lib/format.ts';
import { isCurrency, money } from '../../lib/money.ts';

export const STATUSES: readonly { value: OrderStatus; label: string }[] = [
  { value: 'pending', label: 'Unpaid' },
  { value: 'paid', label: 'Paid' },
  { value: 'fulfilled', label: 'Fulfilled' },
  { value: 'cancelled', label: 'Cancelled' },
  { value: 'expired', label: 'Expired' },
];
export const isStatus = (text: string): text is OrderStatus => STATUSES.some(({ value }) => value === text);

/** The look of a pill: of the discussions' statuses, the one that means the same. */
export const LOOKS: Readonly<Record<OrderStatus, string>> = {
  pending: 'waiting',
  paid: 'running',
  fulfilled: 'completed',
  cancelled: 'cancelled',
  expired: 'failed',
};

/** `2 × Darjeeling, 1 × Assam and 3 more`. */
export function linesInWords(lines: OrderFacts['lines']): string {
  const said = lines.slice(0, 2).map(({ quantity, name }) => `${quantity} × ${name}`);
  return lines.length > 2 ? `${said.join(', ')} and ${plural(lines.length - 2, 'more', 'more')}` : said.join(', ');
}

export type Step = {
  key: string;
  type: OrderEvent['type'];
  /** Undefined where nobody kept when it was. */
  time: string | undefined;
  words: string;
  detail: string | undefined;
  tone: 'good' | 'bad' | 'plain';
};

type Kept = Exclude<OrderEvent, { type: 'reset' }>;

/** What one event says, to a person. */
export function stepOf(event: Kept): Step {
  const { id: key, type, time } = event;
  const base = { key, type, time };
  switch (event.type) {
    case 'order_created': {
      const pieces = event.data.lines.reduce((sum, { quantity }) => sum + quantity, 0);
      return { ...base, words: 'Placed', detail: `${plural(pieces, 'piece')} held for it`, tone: 'plain' };
    }
    case 'order_paid': {
      const { amount, currency, provider, reference } = event.data;
      const where = provider === 'rehearsal' ? 'rehearsed: no money moved' : (reference ?? undefined);
      const sum = isCurrency(currency) ? money({ amount, currency }) : `${amount} ${currency}`;
      return { ...base, words: 'Paid', detail: [sum, where].filter(Boolean).join(', '), tone: 'good' };
    }
    case 'order_payment_failed':
      return { ...base, words: 'Payment refused', detail: event.data.reason.replaceAll('_', ' '), tone: 'bad' };
    case 'order_cancelled': {
      const { reason, refund } = event.data;
      const detail = [reason, refund ? 'the money goes back' : undefined].filter(Boolean).join('; ');
      return { ...base, words: 'Cancelled', detail: detail || 'its pieces can be ordered again', tone: 'bad' };
    }
    case 'order_expired':
      return { ...base, words: 'Expired', detail: 'Not paid in time; its pieces can be ordered again', tone: 'bad' };
    case 'order_fulfilled': {
      const { tracking } = event.data;
      return { ...base, words: 'Fulfilled', detail: tracking ? `Tracking ${tracking}` : undefined, tone: 'good' };
    }
    case 'order_refunded':
      return { ...base, words: 'Money given back', detail: event.data.reference ?? undefined, tone: 'plain' };
  }
}

const KNOWN = new Set([
  ...['order_created', 'order_paid', 'order_payment_failed', 'order_cancelled', 'order_expired', 'order_fulfilled'],
  'order_refunded',
]);
/** A newer server may send further types, of which nothing is said. */
export const isKnown = (event: { type: string }): event is Kept => KNOWN.has(event.type);

/**
 * Every step in its order. What the log does not hold any more, or the reader may not read there, is told from the order
 * itself, as far as that says when it was.
 */
export function stepsOf(order: OrderFacts, events: readonly Kept[]): Step[] {
  const seen = new Set<string>();
  const steps = events.filter(({ id }) => !seen.has(id) && seen.add(id)).map(stepOf);
  const has = (type: Step['type']): boolean => steps.some((step) => step.type === type);
  const add = (
    type: Step['type'],
    time: string | null | undefined,
    step: Omit<Step, 'key' | 'type' | 'time'>,
  ): void => {
    if (time !== undefined && !has(type)) steps.push({ key: type, type, time: time ?? undefined, ...step });
  };
  add('order_created', order.created_at, { words: 'Placed', detail: undefined, tone: 'plain' });
  if (order.paid_at) add('order_paid', order.paid_at, { words: 'Paid', detail: money(order.total), tone: 'good' });
  if (order.status === 'cancelled')
    add('order_cancelled', order.cancelled_at, {
      ...{ words: 'Cancelled', detail: order.status_reason ?? undefined, tone: 'bad' },
    });
  if (order.fulfilled_at)
    add('order_fulfilled', order.fulfilled_at, {
      words: 'Fulfilled',
      detail: order.tracking ?? undefined,
      tone: 'good',
    });
  if (order.status === 'expired')
    add('order_expired', order.updated_at, { words: 'Expired', detail: 'Not paid in time', tone: 'bad' });
  return steps.sort((a, b) => Date.parse(a.time ?? order.updated_at) - Date.parse(b.time ?? order.updated_at));
}

export const PAYMENT_WORDS: Readonly<Record<OrderFacts['payment']['status'], string>> = {
  none: 'not asked for yet',
  pending: 'asked for, not known yet',
  succeeded: 'paid',
  failed: 'refused',
  refunding: 'on its way back',
  refunded: 'given back',
};

/** Which of the three stations an order has passed, is at, or will not come to. */
export function path(order: OrderFacts): { name: string; state: 'done' | 'now' | 'todo' | 'off' }[] {
  const { status, paid_at, fulfilled_at } = order;
  const closed = status === 'cancelled' || status === 'expired';
  const state = (done: boolean, now: boolean): 'done' | 'now' | 'todo' | 'off' =>
    done ? 'done' : closed ? 'off' : now ? 'now' : 'todo';
  return [
    { name: 'Placed', state: 'done' },
    { name: 'Paid', state: state(paid_at !== null, status === 'pending') },
    { name: 'Fulfilled', state: state(fulfilled_at !== null, status === 'paid') },
  ];
}
