import type { DeadLetterSummary } from '@parley/sdk';
import { type ReactNode, useState } from 'react';
import { plural } from '../../lib/format.ts';
import { useResource } from '../../lib/resource.tsx';
import { useCan, useClient } from '../../lib/session.tsx';
import { Button } from '../../ui/controls.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { When } from '../../ui/page.tsx';
import { ErrorNote, Loaded } from '../../ui/states.tsx';

const LIMIT = 20;

/** What could not be handled, and what can be done about it. Nothing is drawn while there is none. */
export function DeadLetters({ total, onChange }: { total: number; onChange(): void }): ReactNode {
  if (total === 0) return null;
  return <Letters total={total} onChange={onChange} key={total} />;
}

function Letters({ total, onChange }: { total: number; onChange(): void }): ReactNode {
  const client = useClient();
  const can = useCan();
  const resource = useResource('dead-letters', async (signal) => client.deadLetters.list({ limit: LIMIT }, { signal }));
  const [discarding, setDiscarding] = useState<DeadLetterSummary | undefined>();
  const [error, setError] = useState<unknown>();
  const act = async (what: () => Promise<unknown>): Promise<void> => {
    setError(undefined);
    try {
      await what();
      resource.reload();
      onChange();
    } catch (problem) {
      setError(problem);
    }
  };
  return (
    <section aria-labelledby="letters-title">
      <h2 id="letters-title" className="section-head">
        Dead letters
      </h2>
      <p className="faint">
        What failed again and again, kept until somebody looks.{' '}
        {total > LIMIT && `The newest ${LIMIT} of ${plural(total, 'letter')}.`}
      </p>
      {error !== undefined && <ErrorNote error={error} />}
      <Loaded resource={resource}>
        {({ items }) => (
          <ul className="lines">
            {items.map((letter) => (
              <li key={letter.id}>
                <div className="line-main">
                  <strong>{letter.type}</strong>
                  <code>{letter.group}</code>
                  <span className={letter.status === 'failed' ? 'tag tag-bad' : 'tag'}>{letter.status}</span>
                  <span className="faint">
                    {letter.error_message ?? letter.error_code ?? 'waits behind a failed one'} ·{' '}
                    {plural(letter.attempts, 'try', 'tries')} · <When time={letter.updated_at} />
                  </span>
                </div>
                {can('dead_letters:write') && (
                  <>
                    <Button look="quiet" onClick={() => void act(() => client.deadLetters.requeue(letter.id))}>
                      Try again
                    </Button>
                    <Button look="quiet" icon="trash" onClick={() => setDiscarding(letter)}>
                      Discard
                    </Button>
                  </>
                )}
              </li>
            ))}
          </ul>
        )}
      </Loaded>
      {discarding && (
        <Confirm
          title={`Discard this ${discarding.type}?`}
          action="Discard it"
          onClose={() => setDiscarding(undefined)}
          onConfirm={() => act(() => client.deadLetters.discard(discarding.id))}
        >
          <p>It is never handled. What was parked behind it goes on.</p>
        </Confirm>
      )}
    </section>
  );
}
