import type { DeadLetterQuery, DeadLetterSelection, DeadLetterSummary } from '@parley/sdk';
import { type ReactNode, useState } from 'react';
import { type Filters, queryOf, useFilters } from '../../lib/filters.ts';
import { plural } from '../../lib/format.ts';
import { useEvery } from '../../lib/live.ts';
import { useLog } from '../../lib/log.ts';
import { useCan, useClient } from '../../lib/session.tsx';
import { Button, TextField } from '../../ui/controls.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Older } from '../../ui/facts.tsx';
import { Page } from '../../ui/page.tsx';
import { Pick } from '../../ui/pick.tsx';
import { Tabs } from '../../ui/search.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';
import { discardAll, requeueAll, said } from './acts.ts';
import { LetterLine } from './letter.tsx';

const LIMIT = 50;
const REFRESH_MS = 10_000;
const NAMES = ['status', 'source', 'group', 'type', 'stream'] as const;
type Name = (typeof NAMES)[number];
type Status = '' | 'failed' | 'parked' | 'requeued';

const STATUSES: readonly { value: Status; label: string }[] = [
  { value: '', label: 'All' },
  { value: 'failed', label: 'Failed' },
  { value: 'parked', label: 'Parked behind' },
  { value: 'requeued', label: 'Being tried again' },
];
const SOURCES = [
  { value: '', label: 'events and jobs' },
  { value: 'event', label: 'events' },
  { value: 'job', label: 'jobs' },
];

/** What could not be handled, and what can be done about it: one, many, or all that match. */
export function DeadLettersPage(): ReactNode {
  const may = useCan()('dead_letters:read');
  return may ? (
    <Letters />
  ) : (
    <Page title="Dead letters">
      <Empty title="Not for your role" />
    </Page>
  );
}

function Letters(): ReactNode {
  const client = useClient();
  const filters = useFilters<Name>(NAMES);
  const filter = filterOf(filters.settled);
  const log = useLog(`dead-letters:${queryOf(filters.settled)}`, (cursor, signal) =>
    client.deadLetters.list({ limit: LIMIT, ...filter, ...(cursor && { cursor }) }, { signal }),
  );
  useEvery(REFRESH_MS, log.reload);
  const items = log.data?.items ?? [];
  const [ticked, setTicked] = useState<ReadonlySet<string>>(new Set());
  const chosen = items.filter(({ id }) => ticked.has(id));
  const tick = (ids: readonly string[], on: boolean): void =>
    setTicked((before) => new Set(on ? [...before, ...ids] : [...before].filter((id) => !ids.includes(id))));
  const done = (): void => {
    setTicked(new Set());
    log.reload();
  };
  return (
    <Page
      title="Dead letters"
      lead="Events and jobs that failed again and again, kept until somebody looks. What comes after one of the same stream waits behind it."
    >
      <FilterFields filters={filters} />
      <Loaded resource={log}>
        {() =>
          items.length === 0 ? (
            filters.any ? (
              <Empty title="None of that kind" action={<Button onClick={filters.clear}>Show all</Button>} />
            ) : (
              <Empty title="Everything was handled">
                Nothing waits here. An event or a job that fails for good, or that kills its process three times, comes
                to this page with its reason.
              </Empty>
            )
          ) : (
            <>
              <Acts items={items} chosen={chosen} filter={filter} narrow={filters.any} onTick={tick} onDone={done} />
              <ul className="lines letters">
                {items.map((letter) => (
                  <LetterLine
                    key={letter.id}
                    letter={letter}
                    ticked={ticked.has(letter.id)}
                    onTick={(on) => tick([letter.id], on)}
                    onDone={done}
                  />
                ))}
              </ul>
              <Older more={log.more} busy={log.loading} words="Show older" />
            </>
          )
        }
      </Loaded>
    </Page>
  );
}

/** The filters as the server takes them. */
function filterOf({ status, source, group, type, stream }: Readonly<Record<Name, string>>): DeadLetterSelection {
  const known = STATUSES.some(({ value }) => value === status) ? (status as Status) : '';
  return {
    ...(known !== '' && { status: known }),
    ...((source === 'event' || source === 'job') && { source }),
    ...(group.trim() && { group: group.trim() }),
    ...(type.trim() && { type: type.trim() }),
    ...(stream.trim() && { stream: stream.trim() }),
  } satisfies DeadLetterQuery;
}

function FilterFields({ filters: { values, set, any, clear } }: { filters: Filters<Name> }): ReactNode {
  const field = (name: Name) => ({
    value: values[name],
    maxLength: 200,
    spellCheck: false,
    onChange: (event: { target: { value: string } }) => set({ [name]: event.target.value }),
  });
  const status = STATUSES.some(({ value }) => value === values.status) ? (values.status as Status) : '';
  return (
    <search className="filters">
      <div className="toolbar">
        <Tabs<Status> label="Which" value={status} tabs={STATUSES} onChange={(next) => set({ status: next })} />
        <Pick label="Of" value={values.source} options={SOURCES} onChange={(source) => set({ source })} />
        {any && (
          <Button look="quiet" icon="close" onClick={clear}>
            Clear
          </Button>
        )}
      </div>
      <details className="more" open={values.group + values.type + values.stream !== '' || undefined}>
        <summary>Group, type, stream</summary>
        <div className="filter-fields">
          <TextField label="Group" {...field('group')} />
          <TextField label="Type" {...field('type')} />
          <TextField label="Stream" {...field('stream')} />
        </div>
      </details>
    </search>
  );
}

type ActsProps = {
  items: readonly DeadLetterSummary[];
  chosen: readonly DeadLetterSummary[];
  filter: DeadLetterSelection;
  /** Whether a filter is set, so that `all` is fewer. */
  narrow: boolean;
  onTick(ids: readonly string[], on: boolean): void;
  onDone(): void;
};

/** What is done to many: to those that are ticked, or to all that the filters let through. */
function Acts({ items, chosen, filter, narrow, onTick, onDone }: ActsProps): ReactNode {
  const client = useClient();
  const can = useCan();
  const [asking, setAsking] = useState<'requeue' | 'discard' | undefined>();
  const [told, setTold] = useState('');
  if (!can('dead_letters:write')) return null;
  const ids = chosen.map(({ id }) => id);
  const selection: DeadLetterSelection = ids.length > 0 ? { ids } : filter;
  const whom = ids.length > 0 ? plural(ids.length, 'letter') : narrow ? 'all that match' : 'all';
  const act = async (what: 'requeue' | 'discard'): Promise<void> => {
    const made = what === 'requeue' ? requeueAll(client, selection) : discardAll(client, selection);
    setTold(said(what, await made));
    onDone();
  };
  const every = items.length > 0 && items.every(({ id }) => ids.includes(id));
  return (
    <div className="letter-acts">
      <label className="tick">
        <input
          type="checkbox"
          checked={every}
          ref={(box) => {
            if (box) box.indeterminate = ids.length > 0 && !every;
          }}
          onChange={(event) =>
            onTick(
              items.map(({ id }) => id),
              event.target.checked,
            )
          }
        />
        <span>{ids.length > 0 ? `${ids.length} chosen` : 'Choose all shown'}</span>
      </label>
      <Button icon="again" onClick={() => setAsking('requeue')}>
        Try {whom} again
      </Button>
      <Button look="quiet" icon="trash" onClick={() => setAsking('discard')}>
        Discard {whom}
      </Button>
      <span role="status" className="faint">
        {told}
      </span>
      {asking === 'requeue' && (
        <Confirm
          title={`Try ${whom} again?`}
          action="Try again"
          look="primary"
          onClose={() => setAsking(undefined)}
          onConfirm={() => act('requeue')}
        >
          <p>Each with all that wait in its stream, in their order.</p>
        </Confirm>
      )}
      {asking === 'discard' && (
        <Confirm
          title={`Discard ${whom}?`}
          action="Discard"
          onClose={() => setAsking(undefined)}
          onConfirm={() => act('discard')}
        >
          <p>They are never handled, and are not kept. What was parked behind failed ones goes on.</p>
        </Confirm>
      )}
    </div>
  );
}
