import type { DiscussionFacts as Discussion, DiscussionStatus } from '@parley/sdk';
import { type ReactNode, useEffect, useState } from 'react';
import { cost, count, listed, plural } from '../../lib/format.ts';
import { useResource } from '../../lib/resource.tsx';
import { Link, useRouter } from '../../lib/router.tsx';
import { useCan, useClient } from '../../lib/session.tsx';
import { huesAt } from '../../lib/speakers.ts';
import { Avatar } from '../../ui/avatar.tsx';
import { Button, LinkButton } from '../../ui/controls.tsx';
import { Page, When } from '../../ui/page.tsx';
import { Tabs } from '../../ui/search.tsx';
import { Empty, ErrorNote, Loaded } from '../../ui/states.tsx';
import { StatusPill } from '../../ui/status.tsx';
import { Gallery } from './gallery/gallery.tsx';
import { reasonWords } from './words.ts';

type Filter = 'all' | Exclude<DiscussionStatus, 'created'>;
const FILTERS: readonly { value: Filter; label: string }[] = [
  { value: 'all', label: 'All' },
  { value: 'running', label: 'Live' },
  { value: 'waiting', label: 'Waiting' },
  { value: 'paused', label: 'Paused' },
  { value: 'completed', label: 'Completed' },
  { value: 'cancelled', label: 'Cancelled' },
  { value: 'failed', label: 'Failed' },
];
const isFilter = (value: string | null): value is Filter => FILTERS.some((filter) => filter.value === value);
const LIMIT = 30;
const REFRESH_MS = 5_000;

export function DiscussionsPage(): ReactNode {
  const client = useClient();
  const can = useCan();
  // In the address, so that a reload and the way back find it again.
  const { location, go } = useRouter();
  const asked = location.query.get('status');
  const filter: Filter = isFilter(asked) ? asked : 'all';
  const setFilter = (next: Filter): void =>
    go(next === 'all' ? '/discussions' : `/discussions?status=${next}`, { replace: true });
  const query = { limit: LIMIT, ...(filter !== 'all' && { status: filter }) };
  const resource = useResource(`discussions:${filter}`, (signal) => client.discussions.list(query, { signal }));
  const more = useMore(filter, resource.data?.next_cursor ?? null);
  useRefresh(resource.data?.items.some(({ status }) => status === 'running') ?? false, resource.reload);
  const begin = can('discussions:write') && (
    <LinkButton to="/discussions/new" look="primary" icon="plus">
      New discussion
    </LinkButton>
  );
  const actions = (
    <>
      <LinkButton to="/discussions/gallery" icon="gallery">
        Ready ones
      </LinkButton>
      {begin}
    </>
  );
  return (
    <Page title="Discussions" lead="Every question that was put on the table, and where it stands." actions={actions}>
      <div className="toolbar">
        <Tabs<Filter> label="Which discussions" value={filter} tabs={FILTERS} onChange={setFilter} />
      </div>
      <Loaded resource={resource}>
        {(data) =>
          data.items.length === 0 ? (
            <Nothing filter={filter} action={begin} />
          ) : (
            <>
              <ul className="rows">
                {[...data.items, ...more.items].map((discussion) => (
                  <Row key={discussion.id} discussion={discussion} />
                ))}
              </ul>
              {more.error !== undefined && <ErrorNote error={more.error} />}
              {more.load && (
                <div className="pager">
                  <Button busy={more.busy} onClick={more.load}>
                    Show older
                  </Button>
                </div>
              )}
            </>
          )
        }
      </Loaded>
    </Page>
  );
}

type More = { items: Discussion[]; busy: boolean; error: unknown; load: (() => void) | undefined };

/** Further stretches of the list, asked for one by one. */
function useMore(filter: Filter, first: string | null): More {
  const client = useClient();
  const [state, setState] = useState<{ filter: Filter; items: Discussion[]; next: string | null | undefined }>({
    filter,
    items: [],
    next: undefined,
  });
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const current = state.filter === filter ? state : { filter, items: [], next: undefined };
  const cursor = current.next === undefined ? first : current.next;
  const load = async (): Promise<void> => {
    if (cursor === null) return;
    setBusy(true);
    setError(undefined);
    try {
      const page = await client.discussions.list({ limit: LIMIT, cursor, ...(filter !== 'all' && { status: filter }) });
      setState({ filter, items: [...current.items, ...page.items], next: page.next_cursor });
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return { items: current.items, busy, error, load: cursor === null ? undefined : () => void load() };
}

/** While something is live, and when the reader comes back to the tab. */
function useRefresh(live: boolean, reload: () => void): void {
  useEffect(() => {
    const back = (): void => {
      if (document.visibilityState === 'visible') reload();
    };
    document.addEventListener('visibilitychange', back);
    const timer = live ? setInterval(back, REFRESH_MS) : undefined;
    return () => {
      document.removeEventListener('visibilitychange', back);
      clearInterval(timer);
    };
  }, [live, reload]);
}

function Row({ discussion }: { discussion: Discussion }): ReactNode {
  const { participants, usage, status, next_speaker } = discussion;
  const names = participants.map(({ name }) => name);
  const hues = huesAt(names);
  const tokens = usage.input_tokens + usage.output_tokens;
  const why = reasonWords(discussion);
  const spent = usage.cost_nano_usd > 0 ? cost(usage.cost_nano_usd) : tokens > 0 && `${count(tokens)} tokens`;
  return (
    <li>
      <Link to={`/discussions/${discussion.id}`} className="row">
        <span className="row-main">
          <strong className="row-topic">{discussion.topic}</strong>
          <span className="row-people">
            <span className="stack-of-avatars">
              {participants.slice(0, 6).map((participant, index) => (
                <Avatar
                  key={participant.id}
                  name={participant.name}
                  kind={participant.kind}
                  hue={hues[index] ?? 0}
                  size="small"
                />
              ))}
            </span>
            <span className="faint">
              {status === 'running' && next_speaker ? `${next_speaker.name} has the word` : some(names)}
            </span>
          </span>
        </span>
        <span className="row-side">
          <span className="row-status">
            {why !== undefined && <span className="faint">{why}</span>}
            <StatusPill status={status} />
          </span>
          <span className="faint">
            {plural(usage.turns, 'turn')} · {spent && `${spent} · `}
            <When time={discussion.updated_at} />
          </span>
        </span>
      </Link>
    </li>
  );
}

/** The first four by name, and how many more there are. */
function some(names: readonly string[]): string {
  if (names.length <= 4) return listed(names);
  return listed([...names.slice(0, 3), `${names.length - 3} more`]);
}

const NONE: Record<Exclude<Filter, 'all'>, string> = {
  running: 'Nobody is talking right now',
  waiting: 'Nobody is being waited for',
  paused: 'No discussion is paused',
  completed: 'No discussion is completed yet',
  cancelled: 'No discussion was cancelled',
  failed: 'No discussion failed',
};

function Nothing({ filter, action }: { filter: Filter; action: ReactNode }): ReactNode {
  if (filter !== 'all') return <Empty title={NONE[filter]} />;
  return (
    <>
      <Empty
        title="The table is free"
        art={
          <span className="empty-seats" aria-hidden="true">
            <Avatar name="?" kind="agent" hue={0} size="large" />
            <Avatar name="?" kind="user" hue={2} size="large" />
            <Avatar name="?" kind="agent" hue={1} size="large" />
          </span>
        }
        action={action}
      >
        Put a question, choose who sits down, and listen. You can join in at any time. Or begin with one of these, which
        bring their own agents and texts.
      </Empty>
      <Gallery />
    </>
  );
}
