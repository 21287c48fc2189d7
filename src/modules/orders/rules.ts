/** Where an order stands. */
export const STATUSES = ['pending', 'paid', 'fulfilled', 'cancelled', 'expired'] as const;
export type Status = (typeof STATUSES)[number];

/** What can happen to it: its payment came or was refused, or somebody (or time) decided. */
export const MOVES = ['pay', 'fail', 'cancel', 'expire', 'fulfil'] as const;
export type Move = (typeof MOVES)[number];

/** From each status, where each move leads; a move that is not there is not possible. */
const TABLE: Readonly<Record<Status, Partial<Readonly<Record<Move, Status>>>>> = {
  // A payment that was refused can be asked for anew until the reservation expires.
  pending: { pay: 'paid', fail: 'pending', cancel: 'cancelled', expire: 'expired' },
  paid: { fulfil: 'fulfilled', cancel: 'cancelled' },
  fulfilled: {},
  cancelled: {},
  expired: {},
};

/** Where a move leads; undefined where it is not possible. */
export const after = (status: Status, move: Move): Status | undefined => TABLE[status][move];

/** Whether nothing can happen to it any more. */
export const isTerminal = (status: Status): boolean => Object.keys(TABLE[status]).length === 0;

/** What becomes of the pieces that are held for it: given back, gone to the customer, or nothing. */
export const STOCK: Readonly<Record<Move, 'release' | 'ship' | 'keep'>> = {
  ...{ pay: 'keep', fail: 'keep', cancel: 'release', expire: 'release', fulfil: 'ship' },
};

export const PAYMENT_STATUSES = ['none', 'pending', 'succeeded', 'failed', 'refunding', 'refunded'] as const;
/** `pending` from before the service is first asked: whoever finds it so cannot know what the service did. */
export type PaymentStatus = (typeof PAYMENT_STATUSES)[number];

/** What the payment of an order looks like, as far as decisions need it. */
export type Facts = {
  readonly status: Status;
  readonly total: number;
  readonly payment_status: PaymentStatus;
  readonly payment_reference: string | null;
};

/**
 * What is to be done next about the payment. `ask`: for the money; `look`: what became of it; `void`: nothing more may be
 * charged, and say whether it was; `refund`: give it back; `free`: there is nothing to pay.
 */
export type Step = 'ask' | 'look' | 'void' | 'refund' | 'free' | 'done';

/** Pure: the same facts, the same step, whoever died meanwhile. */
export function stepOf({ status, total, payment_status, payment_reference }: Facts): Step {
  if (payment_status === 'refunding') return 'refund';
  if (status === 'pending') {
    if (total === 0) return 'free';
    if (payment_status === 'none') return 'ask';
    if (payment_status === 'pending') return payment_reference === null ? 'ask' : 'look';
  }
  // Asked, and closed before it was answered.
  if (status !== 'pending' && payment_status === 'pending') return 'void';
  return 'done';
}

/** What the service says of a payment. */
export type Verdict = 'succeeded' | 'failed' | 'pending' | 'voided';

/** What an answer means for the order: how its payment stands then, and the move, if any. */
export function meaningOf(status: Status, verdict: Verdict): { payment: PaymentStatus; move?: 'pay' | 'fail' } {
  const open = status === 'pending';
  switch (verdict) {
    case 'succeeded':
      return open ? { payment: 'succeeded', move: 'pay' } : { payment: 'refunding' };
    case 'failed':
      return open ? { payment: 'failed', move: 'fail' } : { payment: 'failed' };
    case 'voided':
      // Of an open order nobody asked for that: the service will not charge under this key, so it is a refusal.
      return open ? { payment: 'failed', move: 'fail' } : { payment: 'none' };
    case 'pending':
      return { payment: 'pending' };
  }
}

/** What cancelling does to the payment: money that came goes back, and an open question is settled by the next step. */
export const paymentAfterCancel = (payment: PaymentStatus): PaymentStatus =>
  payment === 'succeeded' ? 'refunding' : payment;

/** How long to wait before a payment that the service works on is looked at again, by how old the order is. */
export const lookAgainMs = (ageMs: number): number => Math.min(60_000, Math.max(1_000, Math.round(ageMs / 4)));

/** The keys under which the payment service is asked: derived, so that asking again is the same request. */
export const paymentKey = (orderId: string, round: number): string =>
  round === 1 ? `order:${orderId}:payment` : `order:${orderId}:payment:${round}`;
export const refundKey = (orderId: string, round: number): string =>
  round === 1 ? `order:${orderId}:refund` : `order:${orderId}:refund:${round}`;

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** What people call the order: the day it was placed, and ten letters out of fifty random bits of its id. */
export function numberOf(id: string): string {
  const hex = id.replaceAll('-', '');
  const day = new Date(Number.parseInt(hex.slice(0, 12), 16)).toISOString().slice(2, 10).replaceAll('-', '');
  let bits = Number.parseInt(hex.slice(-13), 16) % 2 ** 50;
  let letters = '';
  for (let place = 0; place < 10; place += 1) {
    letters = `${CROCKFORD[bits % 32]}${letters}`;
    bits = Math.floor(bits / 32);
  }
  return `${day}-${letters.slice(0, 5)}-${letters.slice(5)}`;
}

/** The least id that an order of this millisecond, or a later one, can have. */
export function firstIdAt(ms: number): string {
  const hex = Math.min(Math.max(0, ms), 2 ** 48 - 1)
    .toString(16)
    .padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}
