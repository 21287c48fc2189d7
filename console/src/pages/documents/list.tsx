import type { Document } from '@parley/sdk';
import { Fragment, type ReactNode, useDeferredValue, useState } from 'react';
import { bytes, plural } from '../../lib/format.ts';
import { useResource } from '../../lib/resource.tsx';
import { Link } from '../../lib/router.tsx';
import { useCan, useClient } from '../../lib/session.tsx';
import { snippetParts } from '../../lib/snippet.ts';
import { LinkButton } from '../../ui/controls.tsx';
import { Icon } from '../../ui/icon.tsx';
import { Page, Pager, When } from '../../ui/page.tsx';
import { SearchBox } from '../../ui/search.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';

export function DocumentsPage(): ReactNode {
  const client = useClient();
  const can = useCan();
  const [page, setPage] = useState(1);
  const [typed, setTyped] = useState('');
  const q = useDeferredValue(typed.trim());
  const resource = useResource(`documents:${q}:${page}`, (signal) =>
    client.documents.list({ page, ...(q && { q }) }, { signal }),
  );
  const add = can('documents:write') && (
    <LinkButton to="/documents/new" look="primary" icon="plus">
      Add a document
    </LinkButton>
  );
  return (
    <Page
      title="Documents"
      lead="What is true here. Put one on the table, and the speakers argue from it."
      actions={add}
    >
      <div className="toolbar">
        <SearchBox
          label="Search in titles and texts"
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
            q ? (
              <Empty title={`Nothing speaks of “${q}”`}>Try fewer or other words.</Empty>
            ) : (
              <Empty title="No documents yet" action={add}>
                Paste a text or drop a file: minutes, a proposal, figures. Agents cite it when they speak.
              </Empty>
            )
          ) : (
            <>
              <ul className="rows">
                {data.items.map((document) => (
                  <Row key={document.id} document={document} />
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

function Row({ document }: { document: Document }): ReactNode {
  return (
    <li>
      <Link to={`/documents/${document.id}`} className="row">
        <Icon name="document" />
        <span className="row-main">
          <strong className="row-title">{document.title}</strong>
          {document.snippet && <Snippet text={document.snippet} />}
        </span>
        <span className="row-side faint">
          <span>
            {plural(document.words, 'word')} · {bytes(document.bytes)} · <When time={document.updated_at} />
          </span>
        </span>
      </Link>
    </li>
  );
}

/** A snippet is escaped HTML with `<mark>` round what was found; it is taken apart, never set as HTML. */
export function Snippet({ text }: { text: string }): ReactNode {
  return (
    <span className="excerpt">
      {snippetParts(text).map(({ text: part, found }, i) =>
        // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one text, in its order
        found ? <mark key={i}>{part}</mark> : <Fragment key={i}>{part}</Fragment>,
      )}
    </span>
  );
}
