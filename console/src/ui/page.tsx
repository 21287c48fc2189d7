import type { Page as PageOf } from '@parley/sdk';
import type { ReactNode } from 'react';
import { ago, count, dateTime } from '../lib/format.ts';
import { Link, useTitle } from '../lib/router.tsx';
import { Button } from './controls.tsx';
import { Icon } from './icon.tsx';

/** A page's head and body. */
export function Page(props: {
  title: string;
  lead?: ReactNode;
  back?: { to: string; label: string };
  actions?: ReactNode;
  narrow?: boolean;
  children: ReactNode;
}): ReactNode {
  useTitle(props.title);
  return (
    <div className={props.narrow ? 'page page-narrow' : 'page'}>
      <header className="page-head">
        <div className="page-titles">
          {props.back && (
            <Link to={props.back.to} className="back">
              <Icon name="back" />
              {props.back.label}
            </Link>
          )}
          <h1>{props.title}</h1>
          {props.lead && <p className="lead">{props.lead}</p>}
        </div>
        {props.actions && <div className="page-actions">{props.actions}</div>}
      </header>
      {props.children}
    </div>
  );
}

export function Pager({ page, onPage }: { page: PageOf<unknown>; onPage(page: number): void }): ReactNode {
  const pages = Math.max(1, Math.ceil(page.total / page.page_size));
  if (pages === 1) return null;
  return (
    <nav className="pager" aria-label="Pages">
      <Button look="quiet" disabled={page.page <= 1} onClick={() => onPage(page.page - 1)}>
        Previous
      </Button>
      <span>
        Page {page.page} of {pages} · {count(page.total)} in all
      </span>
      <Button look="quiet" disabled={page.page >= pages} onClick={() => onPage(page.page + 1)}>
        Next
      </Button>
    </nav>
  );
}

export function When({ time }: { time: string }): ReactNode {
  return (
    <time dateTime={time} title={dateTime(time)}>
      {ago(time)}
    </time>
  );
}
