import { type ReactNode, useEffect, useRef, useState } from 'react';
import { type Form, useForm } from '../../lib/form.ts';
import { useResource } from '../../lib/resource.tsx';
import { useRouter } from '../../lib/router.tsx';
import { useClient, useMe } from '../../lib/session.tsx';
import { Button, LinkButton, TextArea } from '../../ui/controls.tsx';
import { Page } from '../../ui/page.tsx';
import { ErrorNote, Skeleton } from '../../ui/states.tsx';
import { type Draft, EMPTY } from './draft.ts';
import { Advanced, Ends } from './editor/limits.tsx';
import { Rules } from './editor/rules.tsx';
import { inputOf, placeOf, problems } from './form.ts';
import { scenarioOf } from './gallery/scenarios.ts';
import { useScenario } from './gallery/use-scenario.ts';
import { forgetDraft, isTouched, keptDraft, useKeeping } from './keep.ts';
import { SeatsPicker } from './seats.tsx';
import { Table } from './table.tsx';
import { TextsPicker } from './texts.tsx';

/** A question, who sits down, what lies on the table, and how it ends. `?from=NAME` begins with one of the gallery. */
export function NewDiscussionPage(): ReactNode {
  const { location } = useRouter();
  const scenario = scenarioOf(location.query.get('from') ?? '');
  return (
    <Page
      title="New discussion"
      back={{ to: '/discussions', label: 'Discussions' }}
      actions={
        <LinkButton to="/discussions/gallery" look="quiet" icon="gallery">
          Start from a ready one
        </LinkButton>
      }
    >
      {scenario ? <FromScenario name={scenario.name} key={scenario.name} /> : <Fresh />}
    </Page>
  );
}

/** As it was left on this machine, or empty. */
function Fresh(): ReactNode {
  const { user, tenant } = useMe();
  const { location } = useRouter();
  const owner = `${tenant.id}:${user.id}`;
  const document = location.query.get('document');
  const [initial] = useState(() => (document === null ? keptDraft(owner) : undefined) ?? EMPTY);
  return <Editor initial={initial} owner={owner} document={document} resumed={isTouched(initial)} />;
}

function FromScenario({ name }: { name: string }): ReactNode {
  const { user, tenant } = useMe();
  const { draft, error, retry } = useScenario(name);
  if (error !== undefined) return <ErrorNote error={error} retry={retry} title="Its agents could not be made." />;
  if (!draft) return <Skeleton rows={6} />;
  return <Editor initial={draft} owner={`${tenant.id}:${user.id}`} document={null} resumed={false} />;
}

type EditorProps = { initial: Draft; owner: string; document: string | null; resumed: boolean };

function Editor({ initial, owner, document, resumed }: EditorProps): ReactNode {
  const client = useClient();
  const { go } = useRouter();
  const element = useRef<HTMLFormElement>(null);
  const [old, setOld] = useState(resumed);
  const form = useForm<Draft>({
    initial,
    validate: problems,
    placeOf,
    submit: async (draft) => {
      const discussion = await client.discussions.create(inputOf(draft));
      forgetDraft(owner);
      go(`/discussions/${discussion.id}`);
    },
    // What is wrong may be far up, or folded away.
    onInvalid: () => requestAnimationFrame(() => showFirstProblem(element.current)),
  });
  usePresetDocument(form, document);
  const kept = useKeeping(owner, form.values, form.dirty);
  return (
    <form ref={element} className="new-discussion" onSubmit={(event) => void form.submit(event)} noValidate>
      <div className="stack stack-wide">
        {old && (
          <div className="note note-plain">
            <div>Here is what you had begun.</div>
            <Button
              look="quiet"
              onClick={() => {
                forgetDraft(owner);
                form.replace(EMPTY);
                setOld(false);
              }}
            >
              Start anew
            </Button>
          </div>
        )}
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
        <Advanced form={form} />
      </div>
      <div className="preview-column">
        <Table form={form} shown={isShown} />
        <p className="hint preview-kept" role="status">
          {kept ? 'Kept on this machine until you begin.' : ''}
        </p>
      </div>
    </form>
  );
}

const SHOWN = new Set([
  ...['topic', 'seats', 'policy', 'moderator', 'moderator_model', 'weights', 'fallback', 'edges', 'start', 'sides'],
  ...['judge', 'rounds', 'max_turns', 'max_tokens', 'max_cost_usd', 'max_minutes', 'turn_timeout_seconds'],
  ...['window', 'retrieval', 'summary_model', 'texts'],
]);
const isShown = (place: string): boolean => SHOWN.has(place.split('.')[0] ?? '');

function showFirstProblem(form: HTMLFormElement | null): void {
  const first = form?.querySelector<HTMLElement>('[aria-invalid="true"], .problem');
  first?.closest('details')?.setAttribute('open', '');
  first?.scrollIntoView({ block: 'center' });
  if (first?.matches('input, textarea, select')) first.focus({ preventScroll: true });
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
