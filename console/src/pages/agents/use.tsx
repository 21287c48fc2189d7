import type { Agent, Generation } from '@parley/sdk';
import type { ReactNode } from 'react';
import { cost, count, duration, plural } from '../../lib/format.ts';
import { useResource } from '../../lib/resource.tsx';
import { Link } from '../../lib/router.tsx';
import { useClient } from '../../lib/session.tsx';
import { Bars } from '../../ui/charts.tsx';
import { When } from '../../ui/page.tsx';
import { Loaded } from '../../ui/states.tsx';
import { byModel } from '../settings/totals.ts';

const LIMIT = 100;
const SHOWN = 5;

/** What the agent has been asked, by whom, and what it came to. Of its newest calls; it says of how many. */
export function AgentUse({ agent }: { agent: Agent }): ReactNode {
  const client = useClient();
  const resource = useResource(`agent-use:${agent.id}`, (signal) =>
    client.generations.list({ agent_id: agent.id, limit: LIMIT }, { signal }),
  );
  return (
    <section className="agent-use" aria-labelledby="use-title">
      <h2 id="use-title">Use</h2>
      <Loaded resource={resource}>
        {({ items, next_cursor }) =>
          items.length === 0 ? (
            <p className="faint">It has not been asked yet.</p>
          ) : (
            <Use items={items} more={next_cursor !== null} />
          )
        }
      </Loaded>
    </section>
  );
}

function Use({ items, more }: { items: readonly Generation[]; more: boolean }): ReactNode {
  const failed = items.filter(({ status }) => status !== 'succeeded').length;
  const talks = [...new Set(items.flatMap(({ discussion_id: id }) => (id === null ? [] : [id])))];
  const newest = items[0] as Generation;
  return (
    <div className="stack">
      <p className="faint">
        {more ? `Of its last ${plural(items.length, 'call')}` : plural(items.length, 'call')}
        {failed > 0 && `, ${failed} of them failed`}; in {plural(talks.length, 'discussion')}; last{' '}
        <When time={newest.created_at} />.
      </p>
      <Bars
        label="Tokens of each call, oldest first"
        values={[...items].reverse().map(({ input_tokens, output_tokens }) => input_tokens + output_tokens)}
        unit="tokens"
      />
      <dl className="facts-list">
        {byModel(items).map((row) => (
          <div key={row.model}>
            <dt>{row.model}</dt>
            <dd>
              {plural(row.calls, 'call')}, {count(row.input)} in, {count(row.output)} out
              {!row.rehearsal && `, ${cost(row.cost)}`}
              {row.firstMs !== undefined && `, first word ${duration(row.firstMs)}`}
            </dd>
          </div>
        ))}
      </dl>
      {talks.length > 0 && (
        <ul className="use-talks">
          {talks.slice(0, SHOWN).map((id) => (
            <li key={id}>
              <TalkLink id={id} />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function TalkLink({ id }: { id: string }): ReactNode {
  const client = useClient();
  const { data } = useResource(`discussion-topic:${id}`, (signal) => client.discussions.get(id, { signal }));
  return <Link to={`/discussions/${id}`}>{data?.topic ?? 'a discussion'}</Link>;
}
