import type { ReactNode } from 'react';
import { reference, sentence } from '../lib/errors.ts';
import type { Resource } from '../lib/resource.tsx';
import { Button } from './controls.tsx';
import { Icon } from './icon.tsx';

/** Nothing is here yet: says what would be, and offers the next step. */
export function Empty(props: { title: string; children?: ReactNode; action?: ReactNode; art?: ReactNode }): ReactNode {
  return (
    <div className="empty">
      {props.art}
      <h2>{props.title}</h2>
      {props.children && <div className="empty-text">{props.children}</div>}
      {props.action && <div className="empty-action">{props.action}</div>}
    </div>
  );
}

/** Something failed: in a sentence, with the number for whoever runs the server, and a way to try again. */
export function ErrorNote({ error, retry, title }: { error: unknown; retry?: () => void; title?: string }): ReactNode {
  const id = reference(error);
  return (
    <div className="note note-bad" role="alert">
      <Icon name="warn" />
      <div>
        {title && <strong>{title} </strong>}
        <span>{sentence(error)}</span>
        {id && <code className="reference">{id}</code>}
      </div>
      {retry && (
        <Button look="quiet" onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  );
}

export function Note({ children, tone = 'plain' }: { children: ReactNode; tone?: 'plain' | 'warn' }): ReactNode {
  return (
    <div className={`note note-${tone}`}>
      <Icon name={tone === 'warn' ? 'warn' : 'info'} />
      <div>{children}</div>
    </div>
  );
}

/** Grey lines in the shape of what is coming. Shown after a moment only, by its style. */
export function Skeleton({ rows = 3, tall = false }: { rows?: number; tall?: boolean }): ReactNode {
  return (
    <div className="skeleton" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are all the same
        <div key={row} className={tall ? 'bone bone-tall' : 'bone'} />
      ))}
    </div>
  );
}

/** Loading, failed, or there: what every page that reads something does. */
export function Loaded<T>(props: {
  resource: Resource<T>;
  skeleton?: ReactNode;
  children(data: T): ReactNode;
}): ReactNode {
  const { data, error, reload } = props.resource;
  if (data === undefined) {
    if (error !== undefined) return <ErrorNote error={error} retry={reload} />;
    return props.skeleton ?? <Skeleton />;
  }
  return (
    <>
      {error !== undefined && <ErrorNote error={error} retry={reload} title="This may be out of date." />}
      {props.children(data)}
    </>
  );
}
