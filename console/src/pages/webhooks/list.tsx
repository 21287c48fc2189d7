import type { Webhook } from '@parley/sdk';
import { type ReactNode, useState } from 'react';
import { EVENT_TYPES } from '../../lib/event-types.ts';
import { plural } from '../../lib/format.ts';
import { useHappenings } from '../../lib/live.ts';
import { useResource } from '../../lib/resource.tsx';
import { Link } from '../../lib/router.tsx';
import { useCan, useClient } from '../../lib/session.tsx';
import { LinkButton } from '../../ui/controls.tsx';
import { Page, Pager, When } from '../../ui/page.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';
import { stateOf } from './words.ts';

/** Where the team's events are sent, and how that does. */
export function WebhooksPage(): ReactNode {
  const client = useClient();
  const can = useCan();
  const [page, setPage] = useState(1);
  const resource = useResource(`webhooks:${page}`, (signal) => client.webhooks.list({ page }, { signal }));
  useHappenings({ types: EVENT_TYPES.webhooks }, resource.reload);
  const add = can('webhooks:write') && (
    <LinkButton to="/webhooks/new" look="primary" icon="plus">
      New webhook
    </LinkButton>
  );
  return (
    <Page
      title="Webhooks"
      lead="Addresses that hear what happens here: signed, and tried until they have it."
      actions={add}
    >
      <Loaded resource={resource}>
        {(data) =>
          data.items.length === 0 ? (
            <Empty title="Nobody is told yet" action={add}>
              A program of yours gets each event as it happens. It checks the signature with the secret that you are
              shown once.
            </Empty>
          ) : (
            <>
              <ul className="rows">
                {data.items.map((webhook) => (
                  <Row key={webhook.id} webhook={webhook} />
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

function Row({ webhook }: { webhook: Webhook }): ReactNode {
  const { words, look } = stateOf(webhook);
  return (
    <li>
      <Link to={`/webhooks/${webhook.id}`} className="row">
        <span className="row-main row-tight">
          <strong className="row-title">{webhook.description ?? webhook.url}</strong>
          <span className="faint">
            {webhook.description && `${webhook.url} · `}
            {webhook.types === null ? 'whatever happens' : plural(webhook.types.length, 'type')}
          </span>
        </span>
        <span className="row-side">
          <span className={`pill pill-${look}`}>{words}</span>
          <span className="faint">
            {webhook.failing_since ? (
              <>
                failing since <When time={webhook.failing_since} />
              </>
            ) : (
              <>
                changed <When time={webhook.updated_at} />
              </>
            )}
          </span>
        </span>
      </Link>
    </li>
  );
}
