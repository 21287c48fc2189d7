import type { ReactNode } from 'react';
import type { Form } from '../../lib/form.ts';
import { listed } from '../../lib/format.ts';
import { useMe } from '../../lib/session.tsx';
import { huesAt } from '../../lib/speakers.ts';
import { Avatar } from '../../ui/avatar.tsx';
import { Button } from '../../ui/controls.tsx';
import { ErrorNote } from '../../ui/states.tsx';
import type { Draft } from './draft.ts';
import { policyWords } from './policy.ts';

/** What will happen, in a sentence, beside the button that makes it happen. */
export function Table({ form, shown }: { form: Form<Draft>; shown(place: string): boolean }): ReactNode {
  const { user } = useMe();
  const { values } = form;
  const names = values.seats.map(({ kind, id, name }) => (kind === 'user' && id === user.id ? 'you' : name));
  const hues = huesAt(values.seats.map(({ name }) => name));
  const elsewhere = form.rest(shown);
  return (
    <aside className="preview" aria-label="What will happen">
      <div className="preview-seats" aria-hidden="true">
        {values.seats.length === 0 && <span className="ghost-seat" />}
        {values.seats.map(({ key, kind, name }, index) => (
          <Avatar key={key} name={name} kind={kind} hue={hues[index] ?? 0} size="medium" />
        ))}
      </div>
      <p className="preview-topic">{values.topic.trim() || 'The question comes here.'}</p>
      <p className="preview-words" aria-live="polite">
        {values.seats.length === 0 ? 'Nobody has sat down yet.' : told(values, names)}
      </p>
      {form.error !== undefined && <ErrorNote error={form.error} />}
      {elsewhere.map((problem) => (
        <p key={problem} className="problem">
          {problem}
        </p>
      ))}
      {form.tried && !form.valid && (
        <p className="problem" role="alert">
          Something is not right yet.
        </p>
      )}
      <Button type="submit" look="primary" icon="play" busy={form.busy}>
        Begin
      </Button>
    </aside>
  );
}

function told(draft: Draft, names: readonly string[]): string {
  const over = draft.texts.length === 0 ? '' : `, over ${listed(draft.texts.map(({ title }) => `“${title}”`))}`;
  const until =
    draft.max_turns.trim() === '' || draft.policy === 'debate' ? '' : `, for at most ${draft.max_turns} turns`;
  const sentence = `${listed(names)} will speak ${policyWords(draft)}${over}${until}.`;
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
