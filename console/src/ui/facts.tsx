import type { ReactNode } from 'react';

/** A name and its value, in a list of facts. */
export const Fact = ({ name, children }: { name: string; children: ReactNode }): ReactNode => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

/** PostgreSQL keeps the fields of JSON by the length of their names; here they stand as one looks for them. */
const byName = (_: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;

/** Data to be read and copied, its fields by their names; a text as it is. It scrolls within itself. */
export function Json({ value, label }: { value: unknown; label: string }): ReactNode {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a block that scrolls must be reachable by keyboard
    <section className="json" tabIndex={0} aria-label={label}>
      <pre>{typeof value === 'string' ? value : JSON.stringify(value, byName, 2)}</pre>
    </section>
  );
}

/** More of a list that goes on. */
export function Older({
  more,
  busy,
  words,
}: {
  more: (() => void) | undefined;
  busy: boolean;
  words: string;
}): ReactNode {
  if (!more) return null;
  return (
    <div className="pager">
      <button
        type="button"
        className="button button-plain"
        aria-busy={busy || undefined}
        disabled={busy}
        onClick={more}
      >
        <span>{words}</span>
      </button>
    </div>
  );
}
