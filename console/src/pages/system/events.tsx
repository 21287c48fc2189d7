import type { ConnectionState, LogEvent } from '@parley/sdk';
import { type ReactNode, useEffect, useMemo, useReducer, useState } from 'react';
import { dateTime, plural, timeWithSeconds } from '../../lib/format.ts';
import { Link } from '../../lib/router.tsx';
import { useClient } from '../../lib/session.tsx';
import { Bars } from '../../ui/charts.tsx';
import { Button } from '../../ui/controls.tsx';
import { SearchBox } from '../../ui/search.tsx';
import { ErrorNote, Skeleton } from '../../ui/states.tsx';
import { arrived, EMPTY_TAIL, KEPT, paused, perMinute, speaksOf, type Tail, traceOf } from './tail.ts';

const BEGIN_WITH = 50;
const MINUTES = 30;

type Change =
  | { kind: 'begin'; events: readonly LogEvent[] }
  | { kind: 'event'; event: LogEvent }
  | { kind: 'pause'; stop: boolean };

function changed(tail: Tail, change: Change): Tail {
  if (change.kind === 'begin') return { ...EMPTY_TAIL, events: change.events };
  return change.kind === 'event' ? arrived(tail, change.event) : paused(tail, change.stop);
}

type Following = {
  tail: Tail;
  state: ConnectionState['state'];
  error: unknown;
  loaded: boolean;
  pause(stop: boolean): void;
  retry(): void;
};

/** The newest events, and from there on each as it happens. */
function useEvents(): Following {
  const client = useClient();
  const [tail, change] = useReducer(changed, EMPTY_TAIL);
  const [state, setState] = useState<ConnectionState['state']>('connecting');
  const [error, setError] = useState<unknown>();
  const [loaded, setLoaded] = useState(false);
  const [round, setRound] = useState(0);
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const follow = async (): Promise<void> => {
      for (;;) {
        const { items, cursor } = await client.events.list({ limit: BEGIN_WITH }, { signal });
        change({ kind: 'begin', events: items });
        setLoaded(true);
        const onConnection = (now: ConnectionState): void => setState(now.state);
        let gap = false;
        for await (const event of client.events.follow({ cursor, signal, onConnection })) {
          gap = event.type === 'reset';
          if (gap) break;
          change({ kind: 'event', event: event as LogEvent });
        }
        // After a reset there is a hole: what is there now is read anew.
        if (!gap) return;
      }
    };
    void round;
    setError(undefined);
    follow().catch((problem: unknown) => {
      if (!signal.aborted) setError(problem);
    });
    return () => controller.abort();
  }, [client, round]);
  return {
    ...{ tail, state, error, loaded },
    pause: (stop) => change({ kind: 'pause', stop }),
    retry: () => setRound((before) => before + 1),
  };
}

/** What happens in the team, as it happens: filtered, held still, and opened. */
export function EventsSection(): ReactNode {
  const { tail, state, error, loaded, pause, retry } = useEvents();
  const [typed, setTyped] = useState('');
  const [type, setType] = useState('');
  const types = useMemo(() => [...new Set(tail.events.map((event) => event.type))].sort(), [tail.events]);
  const shown = tail.events.filter((event) => (type === '' || event.type === type) && speaksOf(event, typed));
  return (
    <section aria-labelledby="events-title" className="events">
      <div className="events-head">
        <h2 id="events-title" className="section-head">
          Events <LiveLight state={state} paused={tail.paused} broken={error !== undefined} />
        </h2>
        <Button icon={tail.paused ? 'play' : 'pause'} aria-pressed={tail.paused} onClick={() => pause(!tail.paused)}>
          {tail.paused ? (tail.waiting.length > 0 ? `Go on, ${tail.waiting.length} new` : 'Go on') : 'Hold still'}
        </Button>
      </div>
      <div className="toolbar">
        <SearchBox label="Type, subject, stream or trace" value={typed} onChange={setTyped} />
        <div className="select events-type">
          <select aria-label="Only events of this type" value={type} onChange={(event) => setType(event.target.value)}>
            <option value="">every type</option>
            {types.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </div>
      </div>
      {error !== undefined && <ErrorNote error={error} retry={retry} title="Live updates have ended." />}
      {!loaded && error === undefined && <Skeleton rows={4} />}
      {loaded && (
        <>
          <Bars
            label={`Events of the last ${MINUTES} minutes, by minute`}
            values={perMinute(shown, MINUTES, Date.now())}
            unit="events"
          />
          {shown.length === 0 ? (
            <p className="faint">
              {tail.events.length === 0 ? 'Nothing has happened yet.' : 'Nothing here speaks of that.'}
            </p>
          ) : (
            // biome-ignore lint/a11y/noNoninteractiveTabindex: a list that scrolls must be reachable by keyboard
            <ol className="event-list" tabIndex={0} aria-label="Events, the newest first">
              {shown.map((event) => (
                <Event key={event.id} event={event} onTrace={setTyped} />
              ))}
            </ol>
          )}
          <p className="hint">
            {tail.dropped > 0
              ? `The newest ${KEPT}; ${plural(tail.dropped, 'older one')} left this page, and ${tail.dropped === 1 ? 'is' : 'are'} in the log.`
              : `The newest ${BEGIN_WITH} from before, and what came since; at most ${KEPT}.`}
          </p>
        </>
      )}
    </section>
  );
}

function LiveLight(props: { state: ConnectionState['state']; paused: boolean; broken: boolean }): ReactNode {
  if (props.broken) return <span className="pill pill-failed">ended</span>;
  if (props.paused) return <span className="pill pill-paused">held still</span>;
  if (props.state === 'open') return <span className="pill pill-running">live</span>;
  return <span className="pill pill-waiting">{props.state === 'connecting' ? 'connecting' : 'reconnecting'}</span>;
}

function Event({ event, onTrace }: { event: LogEvent; onTrace(trace: string): void }): ReactNode {
  const trace = traceOf(event);
  const discussion = /^discussions\/([0-9a-f-]{36})$/.exec(event.stream)?.[1];
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
        <div className="event-body">
          <p className="event-links">
            {discussion && <Link to={`/discussions/${discussion}`}>To the discussion</Link>}
            {trace && (
              <button type="button" className="link-button" onClick={() => onTrace(trace)}>
                All of trace <code>{trace}</code>
              </button>
            )}
          </p>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a block that scrolls must be reachable by keyboard */}
          <pre tabIndex={0}>{JSON.stringify(event.data, null, 2)}</pre>
        </div>
      </details>
    </li>
  );
}
