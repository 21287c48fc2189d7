import type { Webhook, WebhookDelivery } from '@parley/sdk';
import { type ReactNode, useState } from 'react';
import { aboutOf } from '../../lib/about.ts';
import { EVENT_TYPES, TOPICS } from '../../lib/event-types.ts';
import { type Filters, queryOf, useFilters } from '../../lib/filters.ts';
import { dateTime, duration, plural, timeWithSeconds } from '../../lib/format.ts';
import { useEvery } from '../../lib/live.ts';
import { useLog } from '../../lib/log.ts';
import { useResource } from '../../lib/resource.tsx';
import { Link } from '../../lib/router.tsx';
import { useCan, useClient } from '../../lib/session.tsx';
import { Button } from '../../ui/controls.tsx';
import { Fact, Json, Older } from '../../ui/facts.tsx';
import { Pick } from '../../ui/pick.tsx';
import { Tabs } from '../../ui/search.tsx';
import { Empty, ErrorNote, Loaded } from '../../ui/states.tsx';
import { attemptWords, DELIVERY_LOOKS } from './words.ts';

const LIMIT = 20;
const REFRESH_MS = 5_000;
/** While something is under way. */
const BUSY_MS = 1_000;
const NAMES = ['status', 'type'] as const;
type Name = (typeof NAMES)[number];
type Tab = '' | WebhookDelivery['status'];

const TABS: readonly { value: Tab; label: string }[] = [
  { value: '', label: 'All' },
  { value: 'pending', label: 'Waiting' },
  { value: 'succeeded', label: 'Taken' },
  { value: 'failed', label: 'Failed' },
  { value: 'cancelled', label: 'Dropped' },
];
const TYPES = [
  { value: '', label: 'every type' },
  ...TOPICS.flatMap((topic) => EVENT_TYPES[topic].map((type) => ({ value: type, label: type }))),
];

/** What was sent, what came back, and when it is tried again. */
export function Deliveries({ webhook }: { webhook: Webhook }): ReactNode {
  const client = useClient();
  const can = useCan();
  const filters = useFilters<Name>(NAMES);
  const { status, type } = filters.settled;
  const tab = TABS.find(({ value }) => value === status)?.value ?? '';
  const log = useLog<WebhookDelivery>(`deliveries:${webhook.id}:${queryOf(filters.settled)}`, (cursor, signal) => {
    const filter = { ...(tab !== '' && { status: tab }), ...(type && { type }) };
    return client.webhooks.deliveries(webhook.id, { limit: LIMIT, ...filter, ...(cursor && { cursor }) }, { signal });
  });
  const busy = log.data?.items.some(({ status: stands }) => stands === 'pending') ?? false;
  useEvery(busy ? BUSY_MS : REFRESH_MS, log.reload);
  return (
    <section aria-labelledby="deliveries-title" className="stack">
      <div className="events-head">
        <h2 id="deliveries-title" className="section-head">
          Deliveries
        </h2>
        {can('webhooks:write') && <TryOut webhook={webhook} onSent={log.reload} />}
      </div>
      <Choose filters={filters} tab={tab} />
      <Loaded resource={log}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={filters.any ? 'None of that kind' : 'Nothing was sent yet'}>
              {filters.any ? undefined : 'Send an example to see what your receiver makes of it.'}
            </Empty>
          ) : (
            <>
              <ul className="lines">
                {items.map((delivery) => (
                  <Delivery key={delivery.id} delivery={delivery} onRetried={log.reload} />
                ))}
              </ul>
              <Older more={log.more} busy={log.loading} words="Show older" />
            </>
          )
        }
      </Loaded>
    </section>
  );
}

function Choose({ filters, tab }: { filters: Filters<Name>; tab: Tab }): ReactNode {
  return (
    <search className="toolbar deliveries-bar">
      <Tabs<Tab> label="Which deliveries" value={tab} tabs={TABS} onChange={(status) => filters.set({ status })} />
      <Pick
        label="Only of this type"
        value={filters.values.type}
        options={TYPES}
        onChange={(type) => filters.set({ type })}
      />
    </search>
  );
}

/** Sends the documented example of a type, once. */
function TryOut({ webhook, onSent }: { webhook: Webhook; onSent(): void }): ReactNode {
  const client = useClient();
  const [type, setType] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const send = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      await client.webhooks.test(webhook.id, type === '' ? {} : { type });
      onSent();
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="try-out">
      {error !== undefined && <ErrorNote error={error} />}
      <Pick
        label="Example of"
        value={type}
        options={[
          { value: '', label: 'a mere test' },
          ...TYPES.slice(1).filter(({ value }) => value !== 'webhook_test'),
        ]}
        onChange={setType}
      />
      <Button icon="send" busy={busy} onClick={() => void send()}>
        Send an example
      </Button>
    </div>
  );
}

function Delivery({ delivery, onRetried }: { delivery: WebhookDelivery; onRetried(): void }): ReactNode {
  const [open, setOpen] = useState(false);
  const { type, kind, status, attempt_count: tries, next_attempt_at: next, attempts, created_at: at } = delivery;
  const last = attempts.at(-1);
  const words = TABS.find(({ value }) => value === status)?.label.toLowerCase() ?? status;
  return (
    <li className="letter">
      <details className="letter-body" onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <span className="letter-head">
            <strong>{type}</strong>
            <span className={`pill pill-${DELIVERY_LOOKS[status]}`}>{words}</span>
            {kind !== 'event' && <span className="tag">{kind}</span>}
          </span>
          <span className="letter-why">
            {last ? `${attemptWords(last)}, in ${duration(last.latency_ms)}` : 'not tried yet'}
          </span>
          <span className="faint">
            <time dateTime={at} title={dateTime(at)}>
              {timeWithSeconds(at)}
            </time>{' '}
            · {plural(tries, 'try', 'tries')}
            {next && ` · next at ${timeWithSeconds(next)}`}
          </span>
        </summary>
        {open && <Opened delivery={delivery} onRetried={onRetried} />}
      </details>
    </li>
  );
}

function Opened({ delivery, onRetried }: { delivery: WebhookDelivery; onRetried(): void }): ReactNode {
  const client = useClient();
  const can = useCan();
  const { webhook_id: hook, id, stream, event_id: event, kind } = delivery;
  const resource = useResource(`delivery:${id}`, (signal) => client.webhooks.delivery(hook, id, { signal }));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const again = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      await client.webhooks.retry(hook, id);
      onRetried();
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  const about = kind === 'test' ? undefined : aboutOf(stream, can);
  return (
    <div className="stack letter-open">
      <dl className="facts-list facts-wide">
        <Fact name="webhook-id">
          <code>{event}</code>
        </Fact>
        <Fact name="Stream">{about ? <Link to={about.to}>{stream}</Link> : stream}</Fact>
        {delivery.cursor && (
          <Fact name="Cursor">
            <code>{delivery.cursor}</code>
          </Fact>
        )}
      </dl>
      <Attempts attempts={delivery.attempts} />
      <Loaded resource={resource}>{({ body }) => <Json value={pretty(body)} label="What is sent" />}</Loaded>
      {error !== undefined && <ErrorNote error={error} />}
      {can('webhooks:write') && (
        <div className="form-foot">
          <Button icon="again" busy={busy} onClick={() => void again()}>
            Send it again
          </Button>
        </div>
      )}
    </div>
  );
}

/** For people, with indents; the receiver gets it on one line. */
function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

function Attempts({ attempts }: { attempts: WebhookDelivery['attempts'] }): ReactNode {
  if (attempts.length === 0) return null;
  return (
    <ol className="attempts" aria-label="Attempts, the newest last">
      {attempts.map((attempt) => (
        <li key={attempt.number} className={attempt.error === null ? 'attempt' : 'attempt attempt-bad'}>
          <span className="attempt-number">{attempt.number}</span>
          <span>
            {attemptWords(attempt)}{' '}
            <span className="faint">
              in {duration(attempt.latency_ms)}, {timeWithSeconds(attempt.at)}
            </span>
            {attempt.response && <code className="attempt-answer">{attempt.response}</code>}
          </span>
        </li>
      ))}
    </ol>
  );
}
