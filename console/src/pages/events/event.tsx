import type { LogEvent } from '@parley/sdk';
import type { ReactNode } from 'react';
import { aboutOf } from '../../lib/about.ts';
import { dateTime, timeWithSeconds } from '../../lib/format.ts';
import { useResource } from '../../lib/resource.tsx';
import { Link } from '../../lib/router.tsx';
import { useCan, useClient } from '../../lib/session.tsx';
import { Fact, Json } from '../../ui/facts.tsx';
import { Page } from '../../ui/page.tsx';
import { ErrorNote, Skeleton } from '../../ui/states.tsx';
import { traceOf } from './tail.ts';

type EventProps = { event: LogEvent; onTrace(trace: string): void; onStream(stream: string): void };

/** One line of the log; opened, all of it. */
export function EventLine({ event, onTrace, onStream }: EventProps): ReactNode {
  return (
    <li>
      <details className="event">
        <summary>
          <time dateTime={event.time} title={dateTime(event.time)}>
            {timeWithSeconds(event.time)}
          </time>
          <strong>{event.type}</strong>
          <span className="faint event-stream">{event.stream}</span>
          <span className="faint event-position">{event.position}</span>
        </summary>
        <EventBody event={event} onTrace={onTrace} onStream={onStream} />
      </details>
    </li>
  );
}

function EventBody({ event, onTrace, onStream }: EventProps): ReactNode {
  const about = aboutOf(event.stream, useCan());
  const trace = traceOf(event);
  return (
    <div className="event-body">
      <p className="event-links">
        {about && <Link to={about.to}>To {about.words}</Link>}
        <Link to={`/events/${event.id}`}>This event alone</Link>
        <button type="button" className="link-button" onClick={() => onStream(event.stream)}>
          All of this stream
        </button>
        {trace && (
          <button type="button" className="link-button" onClick={() => onTrace(trace)}>
            All of trace <code>{trace}</code>
          </button>
        )}
      </p>
      <Json value={event.data} label={`Data of ${event.type}`} />
    </div>
  );
}

/** An event with its envelope, under an address of its own. */
export function EventPage({ id }: { id: string }): ReactNode {
  const client = useClient();
  const can = useCan();
  const { data, error, reload } = useResource(`event:${id}`, (signal) => client.events.get(id, { signal }));
  const back = { to: '/events', label: 'Events' };
  if (!data) {
    return (
      <Page title="Event" back={back}>
        {error !== undefined ? <ErrorNote error={error} retry={reload} /> : <Skeleton rows={5} />}
      </Page>
    );
  }
  const about = aboutOf(data.stream, can);
  return (
    <Page title={data.type} back={back} lead={dateTime(data.time)}>
      <div className="stack stack-wide">
        <dl className="facts-list facts-wide">
          <Fact name="Stream">
            <Link to={`/events?about=${encodeURIComponent(data.stream)}`}>{data.stream}</Link>
          </Fact>
          {about && (
            <Fact name="About">
              <Link to={about.to}>{about.words}</Link>
            </Fact>
          )}
          <Fact name="Subject">{data.subject}</Fact>
          <Fact name="Position">
            {data.position} <span className="faint">of epoch {data.epoch}</span>
          </Fact>
          <Fact name="Version of its data">{data.dataversion}</Fact>
          <Fact name="Id">
            <code>{data.id}</code>
          </Fact>
          <Fact name="Trace">
            {data.trace_id ? (
              <Link to={`/events?trace=${data.trace_id}`}>
                <code>{data.trace_id}</code>
              </Link>
            ) : (
              'none'
            )}
          </Fact>
          <Fact name="Cursor">
            <code>{data.cursor}</code>
          </Fact>
        </dl>
        <section aria-labelledby="data-title" className="stack">
          <h2 id="data-title" className="section-head">
            Data
          </h2>
          <Json value={data.data} label="Data as JSON" />
        </section>
      </div>
    </Page>
  );
}
