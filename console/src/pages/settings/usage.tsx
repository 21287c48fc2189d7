import type { Generation } from '@parley/sdk';
import { type ReactNode, useState } from 'react';
import { cost, count, dateTime, duration, plural, timeOfDay } from '../../lib/format.ts';
import { useResource } from '../../lib/resource.tsx';
import { Link } from '../../lib/router.tsx';
import { useClient } from '../../lib/session.tsx';
import { Button } from '../../ui/controls.tsx';
import { Empty, ErrorNote, Loaded } from '../../ui/states.tsx';
import { byModel } from './totals.ts';

const LIMIT = 50;

/** Model calls, newest first, and what they sum to. Says of how many: the list may be longer. */
export function UsageSection(): ReactNode {
  const client = useClient();
  const first = useResource('generations', (signal) => client.generations.list({ limit: LIMIT }, { signal }));
  const [older, setOlder] = useState<{ items: Generation[]; next: string | null } | undefined>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const next = older ? older.next : (first.data?.next_cursor ?? null);
  const more = async (): Promise<void> => {
    if (next === null) return;
    setBusy(true);
    try {
      const page = await client.generations.list({ limit: LIMIT, cursor: next });
      setOlder({ items: [...(older?.items ?? []), ...page.items], next: page.next_cursor });
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Loaded resource={first}>
      {(data) => {
        const all = [...data.items, ...(older?.items ?? [])];
        if (all.length === 0)
          return (
            <Empty title="Nothing has been asked yet">Every model call is recorded here: tokens, cost, time.</Empty>
          );
        return (
          <div className="stack stack-wide">
            <section>
              <h2 className="section-title">By model</h2>
              <p className="faint">
                {next === null ? `All ${plural(all.length, 'call')}.` : `Of the last ${plural(all.length, 'call')}.`}
              </p>
              <Totals items={all} />
            </section>
            <section>
              <h2 className="section-title">Calls</h2>
              <Calls items={all} />
              {error !== undefined && <ErrorNote error={error} />}
              {next !== null && (
                <div className="pager">
                  <Button busy={busy} onClick={() => void more()}>
                    Show older
                  </Button>
                </div>
              )}
            </section>
          </div>
        );
      }}
    </Loaded>
  );
}

function Totals({ items }: { items: readonly Generation[] }): ReactNode {
  return (
    <div className="table-frame">
      <table>
        <thead>
          <tr>
            <th scope="col">Model</th>
            <th scope="col" className="number">
              Calls
            </th>
            <th scope="col" className="number">
              Tokens in
            </th>
            <th scope="col" className="number">
              Tokens out
            </th>
            <th scope="col" className="number">
              Cost
            </th>
            <th scope="col" className="number">
              First word, median
            </th>
          </tr>
        </thead>
        <tbody>
          {byModel(items).map((row) => (
            <tr key={row.model}>
              <th scope="row">{row.model}</th>
              <td className="number">{count(row.calls)}</td>
              <td className="number">{count(row.input)}</td>
              <td className="number">{count(row.output)}</td>
              <td className="number">{row.rehearsal ? '–' : cost(row.cost)}</td>
              <td className="number">{row.firstMs === undefined ? '–' : duration(row.firstMs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Calls({ items }: { items: readonly Generation[] }): ReactNode {
  return (
    <div className="table-frame">
      <table>
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Model</th>
            <th scope="col">Outcome</th>
            <th scope="col" className="number">
              Tokens
            </th>
            <th scope="col" className="number">
              Took
            </th>
            <th scope="col">For</th>
          </tr>
        </thead>
        <tbody>
          {items.map((call) => (
            <tr key={call.id}>
              <td title={dateTime(call.created_at)}>{timeOfDay(call.created_at)}</td>
              <td>{call.model}</td>
              <td>
                {call.status === 'succeeded' ? (
                  'answered'
                ) : (
                  <span className="tag tag-bad">{call.error_code ?? call.status}</span>
                )}
              </td>
              <td className="number">{count(call.input_tokens + call.output_tokens)}</td>
              <td className="number">{duration(call.duration_ms)}</td>
              <td>
                {call.discussion_id ? (
                  <Link to={`/discussions/${call.discussion_id}`}>
                    {call.turn === null ? 'a discussion' : `turn ${call.turn}`}
                  </Link>
                ) : call.agent_id ? (
                  <Link to={`/agents/${call.agent_id}`}>an agent</Link>
                ) : (
                  'the API'
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
