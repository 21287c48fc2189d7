import { numberOf } from './rules.ts';
import type { Order, OrderFacts } from './schemas.ts';
import type { LineRow, OrderRow } from './store.ts';

const time = (at: Date | null): string | null => at?.toISOString() ?? null;

/** An order as it goes out. */
export const factsOf = (row: OrderRow): OrderFacts => ({
  id: row.id,
  number: numberOf(row.id),
  status: row.status,
  status_reason: row.status_reason,
  lines: row.lines.map((line) => lineOf(line, row.currency)),
  total: { amount: row.total, currency: row.currency },
  customer: row.customer,
  metadata: row.metadata,
  payment: {
    status: row.payment_status,
    provider: row.payment_provider,
    reference: row.payment_reference,
    attempts: row.payment_attempts,
    error: row.payment_error,
  },
  tracking: row.tracking,
  expires_at: time(row.expires_at),
  version: row.version,
  created_at: row.created_at.toISOString(),
  updated_at: row.updated_at.toISOString(),
  paid_at: time(row.paid_at),
  fulfilled_at: time(row.fulfilled_at),
  cancelled_at: time(row.cancelled_at),
  created_by: row.created_by,
});

export const orderOf = (row: OrderRow, cursor: string): Order => ({ ...factsOf(row), cursor });

const lineOf = (
  { amount, quantity, ...line }: LineRow,
  currency: OrderRow['currency'],
): OrderFacts['lines'][number] => ({
  ...line,
  unit_price: { amount, currency },
  quantity,
  total: { amount: amount * quantity, currency },
});
