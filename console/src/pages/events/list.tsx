import { type ReactNode, useMemo } from 'react';
import { EVENT_TYPES, TOPICS } from '../../lib/event-types.ts';
import { type Filters, useFilters } from '../../lib/filters.ts';
import { plural } from '../../lib/format.ts';
import { useCan } from '../../lib/session.tsx';
import { Bars } from '../../ui/charts.tsx';
import { Button, TextField } from '../../ui/controls.tsx';
import { Older } from '../../ui/facts.tsx';
import { Icon } from '../../ui/icon.tsx';
import { LivePill } from '../../ui/live-pill.tsx';
import { Page } from '../../ui/page.tsx';
import { SearchBox } from '../../ui/search.tsx';
import { Empty, ErrorNote, Skeleton } from '../../ui/states.tsx';
import { EventLine } from './event.tsx';
import { KEPT, perMinute } from './tail.ts';
import { type Following, useEvents } from './use-events.ts';

const NAMES = ['type', 'about', 'text', 'trace', 'from', 'to'] as const;
type Name = (typeof NAMES)[number];
const MINUTES = 30;

/** What happens in the team, as it happens: filtered, held still, and opened. */
export function EventsPage(): ReactNode {
  const may = useCan()('events:read');
  return may ? (
    <Explorer />
  ) : (
    <Page title="Events">
      <Empty title="Not for your role" />
    </Page>
  );
}

function Explorer(): ReactNode {
  const filters = useFilters<Name>(NAMES);
  const { type, about, text, trace, from, to } = filters.settled;
  const times = { from: instant(from), to: instant(to) };
  const asked = { type, about: about.trim(), text: text.trim(), trace: traceId(trace), ...times };
  const following = useEvents(asked);
  const { tail, state, error, pause } = following;
  const held = tail.waiting.length;
  return (
    <Page
      title="Events"
      lead="Everything that happened here, in the order of the log, and what happens now."
      actions={
        <>
          <LivePill state={state} paused={tail.paused} broken={error !== undefined} />
          <Button icon={tail.paused ? 'play' : 'pause'} aria-pressed={tail.paused} onClick={() => pause(!tail.paused)}>
            {tail.paused ? (held > 0 ? `Go on, ${held} new` : 'Go on') : 'Hold still'}
          </Button>
        </>
      }
    >
      <FilterFields filters={filters} />
      {error !== undefined && <ErrorNote error={error} retry={following.retry} title="Live updates have ended." />}
      {!following.loaded && <Skeleton rows={6} />}
      {following.loaded && <Lines following={following} filters={filters} />}
    </Page>
  );
}

/** A whole trace id, or nothing while it is half typed. */
const traceId = (typed: string): string => (/^[0-9a-f]{32}$/i.test(typed.trim()) ? typed.trim() : '');

/** What a field for date and time holds, or nothing while it is half typed. */
const instant = (typed: string): string => (Number.isNaN(Date.parse(typed)) ? '' : typed);

function FilterFields({ filters }: { filters: Filters<Name> }): ReactNode {
  const { values, set, clear, any } = filters;
  const field = (name: Name) => ({
    value: values[name],
    onChange: (event: { target: { value: string } }) => set({ [name]: event.target.value }),
  });
  return (
    <search className="filters">
      <div className="toolbar">
        <SearchBox label="Text in the data" value={values.text} onChange={(text) => set({ text })} />
        <div className="select pick">
          <select aria-label="Only events of this type" {...field('type')}>
            <option value="">every type</option>
            {TOPICS.map((topic) => (
              <optgroup key={topic} label={topic}>
                {EVENT_TYPES[topic].map((name) => (
                  <option key={name} value={name}>
                    {name}
                  </option>
                ))}
              </optgroup>
            ))}
          </select>
          <Icon name="chevron" />
        </div>
        {any && (
          <Button look="quiet" icon="close" onClick={clear}>
            Clear
          </Button>
        )}
      </div>
      <details className="more" open={values.about + values.trace + values.from + values.to !== '' || undefined}>
        <summary>Stream, trace, time</summary>
        <div className="filter-fields">
          <TextField label="Stream or subject" placeholder="products/…" spellCheck={false} {...field('about')} />
          <TextField
            label="Trace"
            spellCheck={false}
            problem={
              values.trace !== '' && traceId(values.trace) === '' ? '32 digits and letters from a to f.' : undefined
            }
            {...field('trace')}
          />
          <TextField label="From" type="datetime-local" {...field('from')} />
          <TextField label="To" type="datetime-local" {...field('to')} />
        </div>
      </details>
    </search>
  );
}

function Lines({ following, filters }: { following: Following; filters: Filters<Name> }): ReactNode {
  const { tail, older, busy } = following;
  const shown = useMemo(() => [...tail.events, ...tail.older], [tail.events, tail.older]);
  return (
    <div className="events">
      <Bars
        label={`The last ${MINUTES} minutes, by minute`}
        values={perMinute(shown, MINUTES, Date.now())}
        unit="events"
      />
      {shown.length === 0 ? (
        <Empty title={filters.any ? 'Nothing here speaks of that' : 'Nothing has happened yet'}>
          {older ? 'So far: the log goes further back.' : undefined}
        </Empty>
      ) : (
        <ol className="event-list" aria-label="Events, the newest first">
          {shown.map((event) => (
            <EventLine
              key={event.id}
              event={event}
              onTrace={(found) => filters.set({ trace: found })}
              onStream={(about) => filters.set({ about })}
            />
          ))}
        </ol>
      )}
      <Older more={older} busy={busy} words={shown.length === 0 ? 'Look further back' : 'Show older'} />
      {tail.dropped > 0 && (
        <p className="hint">
          The newest {KEPT}; {plural(tail.dropped, 'older one')} left this page, and {tail.dropped === 1 ? 'is' : 'are'}{' '}
          in the log.
        </p>
      )}
    </div>
  );
}
