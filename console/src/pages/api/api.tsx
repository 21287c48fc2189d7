import { type ReactNode, useDeferredValue, useState } from 'react';
import { plural } from '../../lib/format.ts';
import { useResource } from '../../lib/resource.tsx';
import { Link } from '../../lib/router.tsx';
import { useCan, useClient } from '../../lib/session.tsx';
import { Icon } from '../../ui/icon.tsx';
import { Page } from '../../ui/page.tsx';
import { SearchBox } from '../../ui/search.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';
import { docsOf, endpointsOf, formOf, type Group, matching, type Operation } from './endpoints.ts';

/** Every endpoint of this server as its own document tells them, each with where to try it. */
export function ApiPage(): ReactNode {
  const client = useClient();
  const resource = useResource('openapi', (signal) => client.system.openapi({ signal }));
  const [typed, setTyped] = useState('');
  const wanted = useDeferredValue(typed);
  return (
    <Page
      title="API"
      lead={
        <>
          Every endpoint of this server: with its form where the console has one, and its place in the docs, where it
          can be called by hand. The whole of it as <a href="/docs">Swagger UI</a>, <a href="/redoc">ReDoc</a> or{' '}
          <a href="/openapi.json">openapi.json</a>.
        </>
      }
    >
      <Loaded resource={resource}>
        {(document) => {
          const all = endpointsOf(document);
          const shown = matching(all, wanted);
          const count = (groups: readonly Group[]): number => groups.reduce((sum, { items }) => sum + items.length, 0);
          return (
            <>
              <search className="toolbar">
                <SearchBox label="Path, name or permission" value={typed} onChange={setTyped} />
                <span className="faint" role="status">
                  {wanted.trim() === ''
                    ? plural(count(all), 'endpoint')
                    : `${count(shown)} of ${plural(count(all), 'endpoint')}`}
                </span>
              </search>
              {shown.length === 0 ? (
                <Empty title={`Nothing speaks of “${wanted.trim()}”`} />
              ) : (
                <div className="stack stack-wide">
                  {shown.map((group) => (
                    <Endpoints key={group.tag} group={group} />
                  ))}
                </div>
              )}
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}

function Endpoints({ group: { tag, description, items } }: { group: Group }): ReactNode {
  return (
    <section aria-labelledby={`tag-${tag}`}>
      <h2 id={`tag-${tag}`} className="section-head">
        {tag}
      </h2>
      {description && <p className="faint">{description}</p>}
      <ul className="lines">
        {items.map((operation) => (
          <Endpoint key={operation.id} operation={operation} />
        ))}
      </ul>
    </section>
  );
}

function Endpoint({ operation }: { operation: Operation }): ReactNode {
  const can = useCan();
  const { id, tag, method, path, summary, needs } = operation;
  const form = formOf(id);
  const allowed = needs === undefined || can(needs);
  return (
    <li className="endpoint">
      <div className="line-main">
        <span className={`method method-${method}`}>{method.toUpperCase()}</span>
        <code>{path}</code>
        <span className="faint">
          {summary}
          {needs && (
            <>
              {' · '}
              {allowed ? `needs ${needs}` : `needs ${needs}, which your role has not`}
            </>
          )}
        </span>
      </div>
      <span className="endpoint-links">
        {form && allowed && (
          <Link to={form}>
            <Icon name="arrow" />
            In the console
            <span className="visually-hidden">: {summary}</span>
          </Link>
        )}
        <a href={docsOf(tag, id)}>
          <Icon name="code" />
          In the API docs
          <span className="visually-hidden">: {summary}</span>
        </a>
      </span>
    </li>
  );
}
