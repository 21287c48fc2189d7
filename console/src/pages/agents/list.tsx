import type { Agent } from '@parley/sdk';
import { type ReactNode, useDeferredValue, useState } from 'react';
import { useResource } from '../../lib/resource.tsx';
import { Link } from '../../lib/router.tsx';
import { useCan, useClient } from '../../lib/session.tsx';
import { Avatar } from '../../ui/avatar.tsx';
import { Button, LinkButton } from '../../ui/controls.tsx';
import { Page, Pager, When } from '../../ui/page.tsx';
import { SearchBox, Tabs } from '../../ui/search.tsx';
import { Empty, ErrorNote, Loaded } from '../../ui/states.tsx';
import { STARTERS } from './presets.ts';

type Status = 'active' | 'archived';

export function AgentsPage(): ReactNode {
  const client = useClient();
  const can = useCan();
  const [status, setStatus] = useState<Status>('active');
  const [page, setPage] = useState(1);
  const [typed, setTyped] = useState('');
  const q = useDeferredValue(typed.trim());
  const resource = useResource(`agents:${status}:${q}:${page}`, (signal) =>
    client.agents.list({ status, page, ...(q && { q }) }, { signal }),
  );
  const untouched = status === 'active' && q === '';
  return (
    <Page
      title="Agents"
      lead="A name, a model and instructions: the voices of your discussions."
      actions={
        can('agents:write') && (
          <LinkButton to="/agents/new" look="primary" icon="plus">
            New agent
          </LinkButton>
        )
      }
    >
      <div className="toolbar">
        <Tabs
          label="Which agents"
          value={status}
          tabs={[
            { value: 'active', label: 'Active' },
            { value: 'archived', label: 'Archived' },
          ]}
          onChange={(next) => {
            setStatus(next);
            setPage(1);
          }}
        />
        <SearchBox
          label="Search agents"
          value={typed}
          onChange={(text) => {
            setTyped(text);
            setPage(1);
          }}
        />
      </div>
      <Loaded resource={resource}>
        {(data) =>
          data.items.length === 0 ? (
            untouched ? (
              <NoAgents onMade={resource.reload} />
            ) : (
              <Empty title={q ? `No agent matches “${q}”` : 'No archived agents'} />
            )
          ) : (
            <>
              <ul className="cards">
                {data.items.map((agent) => (
                  <Card key={agent.id} agent={agent} />
                ))}
              </ul>
              <Pager page={data} onPage={setPage} />
            </>
          )
        }
      </Loaded>
    </Page>
  );
}

function Card({ agent }: { agent: Agent }): ReactNode {
  return (
    <li className="card">
      <Link to={`/agents/${agent.id}`} className="card-link">
        <span className="card-head">
          <Avatar name={agent.name} kind="agent" />
          <span>
            <strong>{agent.name}</strong>
            <span className="faint">{agent.model ?? 'default model'}</span>
          </span>
        </span>
        <span className="card-text">
          {agent.instructions || <em className="faint">No instructions: speaks as the model does.</em>}
        </span>
        <span className="card-foot faint">
          changed <When time={agent.updated_at} />
        </span>
      </Link>
    </li>
  );
}

function NoAgents({ onMade }: { onMade(): void }): ReactNode {
  const client = useClient();
  const can = useCan();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const make = async (): Promise<void> => {
    setBusy(true);
    try {
      for (const agent of STARTERS) await client.agents.create(agent);
      onMade();
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Empty
      title="Nobody to talk yet"
      art={
        <span className="empty-seats" aria-hidden="true">
          <Avatar name="Ada" kind="agent" hue={0} size="large" />
          <Avatar name="Bruno" kind="agent" hue={2} size="large" />
          <Avatar name="Clara" kind="agent" hue={1} size="large" />
        </span>
      }
      action={
        can('agents:write') && (
          <>
            <Button look="primary" busy={busy} onClick={() => void make()}>
              Start with three voices
            </Button>
            <LinkButton to="/agents/new">Make your own</LinkButton>
          </>
        )
      }
    >
      {error !== undefined && <ErrorNote error={error} />}
      An agent is a name, a model and instructions. Begin with Ada, who builds, Bruno, who doubts, and Clara, who
      listens; change them as you like.
    </Empty>
  );
}
