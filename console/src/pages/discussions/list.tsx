import type { DiscussionFacts as Discussion, DiscussionStatus } from '@parley/sdk';
import { type ReactNode, useEffect, useState } from 'react';
import { listed, plural } from '../../lib/format.ts';
import { useResource } from '../../lib/resource.tsx';
import { Link } from '../../lib/router.tsx';
import { useCan, useClient } from '../../lib/session.tsx';
import { Avatar } from '../../ui/avatar.tsx';
import { Button, LinkButton } from '../../ui/controls.tsx';
import { Page, When } from '../../ui/page.tsx';
import { Tabs } from '../../ui/search.tsx';
import { Empty, ErrorNote, Loaded } from '../../ui/states.tsx';
import { StatusPill } from '../../ui/status.tsx';

type Filter = 'all' | Extract<DiscussionStatus, 'running' | 'waiting' | 'paused' | 'completed'>;
const LIMIT = 30;
const REFRESH_MS = 5_000;

export function DiscussionsPage(): ReactNode {
  const client = useClient();
  const can = useCan();
  const [filter, setFilter] = useState<Filter>('all');
  const query = { limit: LIMIT, ...(filter !== 'all' && { status: filter }) };
  const resource = useResource(`discussions:${filter}`, (signal) => client.discussions.list(query, { signal }));
  const more = useMore(filter, resource.data?.next_cursor ?? null);
  useRefresh(resource.data?.items.some(({ status }) => status === 'running') ?? false, resource.reload);
  const begin = can('discussions:write') && (
    <LinkButton to="/discussions/new" look="primary" icon="plus">
      New discussion
    </LinkButton>
  );
  return (
    <Page title="Discussions" lead="Every question that was put on the table, and where it stands." actions={begin}>
      <div className="toolbar">
        <Tabs<Filter>
          label="Which discussions"
          value={filter}
          tabs={[
            { value: 'all', label: 'All' },
            { value: 'running', label: 'Live' },
            { value: 'waiting', label: 'Waiting' },
            { value: 'paused', label: 'Paused' },
            { value: 'completed', label: 'Completed' },
          ]}
          onChange={setFilter}
        />
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
                  hue={index % 8}
                  size="small"
                />
              ))}
            </span>
            <span className="faint">
              {status === 'running' && next_speaker ? `${next_speaker.name} has the word` : listed(names.slice(0, 4))}
            </span>
          </span>
        </span>
        <span className="row-side">
          <StatusPill status={status} />
          <span className="faint">
            {plural(usage.turns, 'turn')} · <When time={discussion.updated_at} />
          </span>
        </span>
      </Link>
    </li>
  );
}

function Nothing({ filter, action }: { filter: Filter; action: ReactNode }): ReactNode {
  if (filter !== 'all')
    return <Empty title={filter === 'running' ? 'Nobody is talking right now' : `No discussion is ${filter}`} />;
  return (
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
      Put a question, choose who sits down, and listen. You can join in at any time.
    </Empty>
  );
}
