/** A payment as the service has it: the truth about a customer's money. */
export type Payment = {
  readonly orderId: string;
  readonly status: string;
  readonly amount: number;
  readonly refunded: number;
};

/** What came to a webhook's address. */
export type Delivery = {
  readonly hook: string;
  /** `webhook-id`. */
  readonly id: string;
  /** Why it is not from whom it says; null: its signature holds, as Standard Webhooks' own package sees it. */
  readonly forged: string | null;
  /** Booked, whether or not the answer got through. */
  readonly taken: boolean;
  /** Of its bytes: what comes again must be the same. */
  readonly digest: string;
  readonly event: {
    readonly id: string;
    readonly type: string;
    readonly stream: string;
    readonly position: number;
    readonly tenantid: string;
  };
};

/** What really reached the outside world. */
export type Ledger = {
  /** Requests to the payment service. */
  readonly asked: number;
  readonly payments: readonly Payment[];
  readonly deliveries: readonly Delivery[];
};

/** What the run asks of the sink's process, over the line between them. */
export type Question = { readonly number: number } & (
  | { readonly ask: 'expect'; readonly hook: string; readonly secret: string }
  | { readonly ask: 'calm' | 'ledger' }
);
export type Answer = { readonly number: number; readonly ledger?: Ledger };

/** The sink's first word: where it listens. */
export type Listening = { readonly payment: Readonly<Record<string, string>>; readonly hooksUrl: string };
