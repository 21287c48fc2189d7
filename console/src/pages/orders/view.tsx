import type { Order } from '@parley/sdk';
import { type ReactNode, useState } from 'react';
import { dateTime, timeWithSeconds } from '../../lib/format.ts';
import { money } from '../../lib/money.ts';
import { Link } from '../../lib/router.tsx';
import { useCan, useClient } from '../../lib/session.tsx';
import { Button } from '../../ui/controls.tsx';
import { Fact } from '../../ui/facts.tsx';
import { Icon } from '../../ui/icon.tsx';
import { LivePill } from '../../ui/live-pill.tsx';
import { Page } from '../../ui/page.tsx';
import { ErrorNote, Skeleton } from '../../ui/states.tsx';
import { CancelDialog, FulfilDialog } from './dialogs.tsx';
import { Held } from './held.tsx';
import { useOrder, type Watched } from './use-order.ts';
import { LOOKS, PAYMENT_WORDS, path, STATUSES, type Step, stepsOf } from './words.ts';

const BACK = { to: '/orders', label: 'Orders' };

/** One order, live: each step as it happens. */
export function OrderPage({ id }: { id: string }): ReactNode {
  const watched = useOrder(id);
  const { order, error, reload } = watched;
  if (!order) {
    return (
      <Page title="Order" back={BACK}>
        {error !== undefined ? <ErrorNote error={error} retry={reload} /> : <Skeleton rows={6} />}
      </Page>
    );
  }
  const label = STATUSES.find(({ value }) => value === order.status)?.label.toLowerCase() ?? order.status;
  return (
    <Page
      title={order.number}
      back={BACK}
      lead={
        <span className="order-lead">
          <span className={`pill pill-${LOOKS[order.status]}`}>{label}</span> {money(order.total)}, placed{' '}
          {dateTime(order.created_at)}
        </span>
      }
      actions={<Acts order={order} onChange={watched.set} />}
    >
      {error !== undefined && <ErrorNote error={error} retry={reload} title="Live updates have ended." />}
      <div className="order-columns">
        <div className="stack stack-wide">
          <Stations order={order} />
          <Timeline watched={watched} order={order} />
          <Lines order={order} />
        </div>
        <div className="aside">
          <Payment order={order} onChange={watched.set} />
          <About order={order} />
        </div>
      </div>
    </Page>
  );
}

type ActProps = { order: Order; onChange(order: Order): void };

function Acts({ order, onChange }: ActProps): ReactNode {
  const can = useCan();
  const [asking, setAsking] = useState<'cancel' | 'fulfil' | undefined>();
  const { status } = order;
  const close = (): void => setAsking(undefined);
  return (
    <>
      {status === 'paid' && can('orders:operate') && (
        <Button look="primary" icon="check" onClick={() => setAsking('fulfil')}>
          Fulfil
        </Button>
      )}
      {(status === 'pending' || status === 'paid') && can('orders:write') && (
        <Button icon="close" onClick={() => setAsking('cancel')}>
          Cancel
        </Button>
      )}
      {asking === 'fulfil' && <FulfilDialog order={order} onChange={onChange} onClose={close} />}
      {asking === 'cancel' && <CancelDialog order={order} onChange={onChange} onClose={close} />}
    </>
  );
}

/** Where it is on its way, in one look. */
function Stations({ order }: { order: Order }): ReactNode {
  const words = { done: 'done', now: 'waited for', todo: 'to come', off: 'will not happen' };
  return (
    <ol className="stations" aria-label="Where it stands">
      {path(order).map(({ name, state }) => (
        <li key={name} className={`station station-${state}`}>
          <span className="station-mark" aria-hidden="true">
            {state === 'done' && <Icon name="check" />}
            {state === 'off' && <Icon name="close" />}
          </span>
          <span>{name}</span>
          <span className="visually-hidden">{words[state]}</span>
        </li>
      ))}
    </ol>
  );
}

function Timeline({ watched, order }: { watched: Watched; order: Order }): ReactNode {
  const steps = stepsOf(order, watched.events);
  const newest = steps.at(-1);
  return (
    <section aria-labelledby="timeline-title" className="stack">
      <div className="events-head">
        <h2 id="timeline-title" className="section-head">
          What happened
        </h2>
        <LivePill state={watched.state} broken={watched.error !== undefined} />
      </div>
      <ol className="timeline">
        {steps.map((step) => (
          <TimelineStep key={step.key} step={step} />
        ))}
        {order.status === 'pending' && order.expires_at && (
          <li className="step step-now">
            <div className="step-body">
              <strong>{order.payment.status === 'failed' ? 'Waits for another try' : 'Waits for its payment'}</strong>
              <Held until={order.expires_at} since={order.created_at} />
            </div>
          </li>
        )}
        {order.status === 'paid' && (
          <li className="step step-now">
            <div className="step-body">
              <strong>Waits to be sent</strong>
            </div>
          </li>
        )}
      </ol>
      <p className="visually-hidden" aria-live="polite">
        {newest ? `${newest.words}. ${newest.detail ?? ''}` : ''}
      </p>
    </section>
  );
}

function TimelineStep({ step: { words, detail, time, tone } }: { step: Step }): ReactNode {
  return (
    <li className={`step step-${tone}`}>
      <div className="step-body">
        <strong>{words}</strong>
        {detail && <span className="step-detail">{detail}</span>}
      </div>
      {time !== undefined && (
        <time className="faint" dateTime={time} title={dateTime(time)}>
          {timeWithSeconds(time)}
        </time>
      )}
    </li>
  );
}

function Lines({ order }: { order: Order }): ReactNode {
  const can = useCan();
  return (
    <section aria-labelledby="lines-title">
      <h2 id="lines-title" className="section-head">
        Lines
      </h2>
      <ul className="lines order-lines">
        {order.lines.map(({ product_id, name, sku, quantity, unit_price, total }) => (
          <li key={product_id}>
            <div className="line-main">
              <strong>{can('products:read') ? <Link to={`/products/${product_id}`}>{name}</Link> : name}</strong>
              <span className="faint">
                {sku && `${sku} · `}
                {quantity} × {money(unit_price)}
              </span>
            </div>
            <span className="amount">{money(total)}</span>
          </li>
        ))}
        <li className="order-total">
          <div className="line-main">
            <strong>Together</strong>
          </div>
          <strong className="amount">{money(order.total)}</strong>
        </li>
      </ul>
    </section>
  );
}

function Payment({ order, onChange }: ActProps): ReactNode {
  const client = useClient();
  const can = useCan();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const { status, provider, reference, attempts, error } = order.payment;
  const again = async (): Promise<void> => {
    setBusy(true);
    setProblem(undefined);
    try {
      onChange(await client.orders.pay(order.id));
    } catch (fault) {
      setProblem(fault);
    } finally {
      setBusy(false);
    }
  };
  return (
    <section className="system-card" aria-labelledby="payment-title">
      <h2 id="payment-title">Payment</h2>
      <dl className="facts-list">
        <Fact name="State">{PAYMENT_WORDS[status]}</Fact>
        <Fact name="Asked">{attempts === 1 ? 'once' : `${attempts} times`}</Fact>
        {provider && <Fact name="By">{provider === 'rehearsal' ? 'the rehearsal' : provider}</Fact>}
        {reference && <Fact name="Reference">{reference}</Fact>}
      </dl>
      {error && <p className="problem">{error.replaceAll('_', ' ')}</p>}
      {provider === 'rehearsal' && <p className="hint">No money moves: no payment service is set.</p>}
      {problem !== undefined && <ErrorNote error={problem} />}
      {status === 'failed' && order.status === 'pending' && can('orders:write') && (
        <Button icon="again" busy={busy} onClick={() => void again()}>
          Ask for it again
        </Button>
      )}
    </section>
  );
}

function About({ order }: { order: Order }): ReactNode {
  const can = useCan();
  const { customer, metadata } = order;
  return (
    <section className="aside-facts" aria-label="About this order">
      <dl className="facts-list">
        <Fact name="Customer">{customer?.name ?? 'nobody named'}</Fact>
        {customer && (
          <Fact name="Email">
            <Link to={`/orders?customer=${encodeURIComponent(customer.email)}`}>{customer.email}</Link>
          </Fact>
        )}
        {customer?.reference && <Fact name="Their number">{customer.reference}</Fact>}
        {order.tracking && <Fact name="Tracking">{order.tracking}</Fact>}
        {order.status_reason && <Fact name="Reason">{order.status_reason.replaceAll('_', ' ')}</Fact>}
        {Object.entries(metadata).map(([name, value]) => (
          <Fact key={name} name={name}>
            {String(value)}
          </Fact>
        ))}
        <Fact name="Version">{order.version}</Fact>
      </dl>
      {can('events:read') && (
        <p className="event-links">
          <Link to={`/events?about=orders/${order.id}`}>Its events</Link>
        </p>
      )}
    </section>
  );
}
