import type { ReactNode } from 'react';
import type { Form } from '../../../lib/form.ts';
import { Choices } from '../../../ui/controls.tsx';
import { Note } from '../../../ui/states.tsx';
import { type Draft, type PolicyType, prepared } from '../draft.ts';
import { EdgesEditor } from './edges.tsx';
import { FallbackEditor, ModeratorEditor } from './moderator.tsx';
import { SidesEditor } from './sides.tsx';
import { WeightsEditor } from './weights.tsx';

const POLICIES: readonly { value: PolicyType; title: string; text: string }[] = [
  { value: 'round_robin', title: 'Round robin', text: 'Everybody in turn, in the order they sit.' },
  { value: 'moderator', title: 'Moderator', text: 'An agent or a model hears everything and proposes who goes on.' },
  { value: 'debate', title: 'Debate', text: 'Sides in rounds, and a judge who closes with a verdict.' },
  { value: 'vote', title: 'Vote', text: 'Before every turn the agents vote on who should speak.' },
  { value: 'mention', title: 'By call', text: 'Whoever the last message calls by @name.' },
  { value: 'graph', title: 'Graph', text: 'Hand-overs along edges that you draw.' },
  { value: 'priority', title: 'By weight', text: 'Some speak more often than others.' },
  { value: 'manual', title: 'By hand', text: 'A person names the next speaker, each time.' },
];

/** Who speaks next: the eight ways, and what the chosen one needs to know. */
export function Rules({ form }: { form: Form<Draft> }): ReactNode {
  const { values } = form;
  return (
    <section className="stack">
      <Choices<PolicyType>
        label="Who speaks next"
        name="policy"
        value={values.policy}
        compact
        onChange={(policy) => form.change((draft) => prepared({ ...draft, policy }))}
        choices={POLICIES}
      />
      {form.live('policy') && <Note tone="warn">{form.live('policy')}</Note>}
      <Editor form={form} />
    </section>
  );
}

function Editor({ form }: { form: Form<Draft> }): ReactNode {
  const { policy, seats } = form.values;
  if (policy === 'moderator') return <ModeratorEditor form={form} />;
  if (policy === 'manual')
    return (
      <p className="hint">The discussion waits after every turn until somebody names the next speaker in the arena.</p>
    );
  if (policy === 'round_robin' || policy === 'vote') return null;
  if (seats.length === 0) return <p className="hint">Seat somebody first; then the rule can be made.</p>;
  if (policy === 'priority') return <WeightsEditor form={form} />;
  if (policy === 'mention') return <FallbackEditor form={form} />;
  if (policy === 'graph') return <EdgesEditor form={form} />;
  return <SidesEditor form={form} />;
}
