import { type ReactNode, useEffect } from 'react';
import { type Form, useForm } from '../../lib/form.ts';
import { listed } from '../../lib/format.ts';
import { useResource } from '../../lib/resource.tsx';
import { useRouter } from '../../lib/router.tsx';
import { useClient, useMe } from '../../lib/session.tsx';
import { Avatar } from '../../ui/avatar.tsx';
import { Button, Choices, Select, TextArea, TextField } from '../../ui/controls.tsx';
import { Page } from '../../ui/page.tsx';
import { ErrorNote } from '../../ui/states.tsx';
import { type Draft, EMPTY, inputOf, problems } from './form.ts';
import { SeatsPicker } from './seats.tsx';
import { TextsPicker } from './texts.tsx';

/** A question, who sits down, what lies on the table, and how it ends. */
export function NewDiscussionPage(): ReactNode {
  const client = useClient();
  const { go, location } = useRouter();
  const form = useForm<Draft>({
    initial: EMPTY,
    validate: problems,
    submit: async (draft) => {
      const discussion = await client.discussions.create(inputOf(draft));
      go(`/discussions/${discussion.id}`);
    },
  });
  usePresetDocument(form, location.query.get('document'));
  return (
    <Page title="New discussion" back={{ to: '/discussions', label: 'Discussions' }}>
      <form className="new-discussion" onSubmit={(event) => void form.submit(event)} noValidate>
        <div className="stack stack-wide">
          <TextArea
            label="The question"
            rows={2}
            className="topic-input"
            placeholder="Should we move the billing service to events?"
            autoFocus
            maxLength={4000}
            value={form.values.topic}
            problem={form.problem('topic')}
            onChange={(event) => form.set('topic', event.target.value)}
          />
          <SeatsPicker form={form} />
          <TextsPicker form={form} />
          <Rules form={form} />
          <Ends form={form} />
        </div>
        <Table form={form} />
      </form>
    </Page>
  );
}

/** Coming from a document, it lies on the table already. */
function usePresetDocument(form: Form<Draft>, id: string | null): void {
  const client = useClient();
  const { data } = useResource(`preset:${id ?? ''}`, async (signal) =>
    id ? client.documents.get(id, { signal }) : undefined,
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when it has been read
  useEffect(() => {
    if (data) form.set('texts', [{ key: data.id, title: data.title, documentId: data.id }]);
  }, [data?.id]);
}

function Rules({ form }: { form: Form<Draft> }): ReactNode {
  const { values } = form;
  return (
    <section className="stack">
      <Choices
        label="Who speaks next"
        name="policy"
        value={values.policy}
        onChange={(policy) => form.set('policy', policy)}
        choices={[
          { value: 'round_robin', title: 'Round robin', text: 'Everybody in turn, in the order they sit.' },
          {
            value: 'moderator',
            title: 'Moderator',
            text: 'An agent or a model hears everything and proposes who goes on.',
          },
        ]}
      />
      {values.policy === 'moderator' && <Moderator form={form} />}
      <Choices
        label="When a person interjects"
        name="on_post"
        value={values.on_post}
        onChange={(on_post) => form.set('on_post', on_post)}
        choices={[
          { value: 'enqueue', title: 'Queue', text: 'The speaker finishes; the next one hears it.' },
          { value: 'interrupt', title: 'Interrupt', text: 'The speaker stops and hears it first.' },
        ]}
      />
    </section>
  );
}

/** Any agent, at the table or not; or a model without a part of its own. */
function Moderator({ form }: { form: Form<Draft> }): ReactNode {
  const client = useClient();
  const { data } = useResource('moderators', (signal) =>
    client.agents.list({ status: 'active', page_size: 100 }, { signal }),
  );
  return (
    <Select
      label="Moderator"
      value={form.values.moderator}
      hint="It proposes a name after every turn. What is no name of a participant does not count."
      onChange={(event) => form.set('moderator', event.target.value)}
    >
      <option value="">your team’s default model</option>
      {(data?.items ?? []).map(({ id, name }) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </Select>
  );
}

function Ends({ form }: { form: Form<Draft> }): ReactNode {
  const text = (name: 'max_turns' | 'max_tokens' | 'max_cost_usd' | 'max_minutes' | 'turn_timeout_seconds') => ({
    value: form.values[name],
    problem: form.problem(name),
    onChange: (event: { target: { value: string } }) => {
      form.set(name, event.target.value);
      form.touch(name);
    },
  });
  return (
    <fieldset className="bare stack">
      <legend className="section-title">It ends after</legend>
      <div className="grid-4">
        <TextField label="Turns" inputMode="numeric" {...text('max_turns')} />
        <TextField label="Tokens" inputMode="numeric" placeholder="no limit" {...text('max_tokens')} />
        <TextField label="US dollars" inputMode="decimal" placeholder="no limit" {...text('max_cost_usd')} />
        <TextField label="Minutes" inputMode="decimal" placeholder="no limit" {...text('max_minutes')} />
      </div>
      <details className="more">
        <summary>When a turn goes wrong</summary>
        <div className="stack">
          <Choices
            label="After the retries"
            name="on_turn_failure"
            value={form.values.on_turn_failure}
            onChange={(value) => form.set('on_turn_failure', value)}
            choices={[
              { value: 'pause', title: 'Pause', text: 'Somebody looks at it and resumes.' },
              { value: 'skip', title: 'Skip', text: 'The next speaker goes on.' },
            ]}
          />
          <TextField
            label="Longest turn, in seconds"
            optional
            inputMode="numeric"
            hint="Also how long a person is waited for."
            {...text('turn_timeout_seconds')}
          />
        </div>
      </details>
    </fieldset>
  );
}

/** What will happen, in a sentence, beside the button that makes it happen. */
function Table({ form }: { form: Form<Draft> }): ReactNode {
  const { user } = useMe();
  const { values } = form;
  const names = values.seats.map(({ kind, id, name }) => (kind === 'user' && id === user.id ? 'you' : name));
  return (
    <aside className="preview">
      <div className="preview-seats" aria-hidden="true">
        {values.seats.length === 0 && <span className="ghost-seat" />}
        {values.seats.map(({ key, kind, name }, index) => (
          <Avatar key={key} name={name} kind={kind} hue={index % 8} size="medium" />
        ))}
      </div>
      <p className="preview-topic">{values.topic.trim() || 'The question comes here.'}</p>
      <p className="preview-words" aria-live="polite">
        {values.seats.length === 0 ? 'Nobody has sat down yet.' : told(values, names)}
      </p>
      {form.error !== undefined && <ErrorNote error={form.error} />}
      <Button type="submit" look="primary" icon="play" busy={form.busy}>
        Begin
      </Button>
    </aside>
  );
}

function told(draft: Draft, names: readonly string[]): string {
  const how = draft.policy === 'round_robin' ? 'in turn' : 'as a moderator proposes';
  const over = draft.texts.length === 0 ? '' : `, over ${listed(draft.texts.map(({ title }) => `“${title}”`))}`;
  const until = draft.max_turns.trim() === '' ? '' : `, for at most ${draft.max_turns} turns`;
  const sentence = `${listed(names)} will speak ${how}${over}${until}.`;
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
