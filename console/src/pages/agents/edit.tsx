import type { Agent } from '@parley/sdk';
import { type ReactNode, useState } from 'react';
import { type Form, useForm } from '../../lib/form.ts';
import { useResource } from '../../lib/resource.tsx';
import { useRouter } from '../../lib/router.tsx';
import { useCan, useClient } from '../../lib/session.tsx';
import { Button, TextArea, TextField } from '../../ui/controls.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Page } from '../../ui/page.tsx';
import { ErrorNote, Note, Skeleton } from '../../ui/states.tsx';
import { Fallbacks, FineTuning, MemoryFields, MetadataFields } from './fields.tsx';
import { type Draft, draftOf, EMPTY, inputOf, placeOf, problems } from './form.ts';
import { ModelField } from './model-field.tsx';
import { Try } from './try.tsx';
import { AgentUse } from './use.tsx';

const BACK = { to: '/agents', label: 'Agents' };

/** One agent: what it is at the left, what it says at the right. Without an id, a new one. */
export function AgentPage({ id }: { id?: string }): ReactNode {
  return id === undefined ? <NewAgent /> : <KeptAgent id={id} />;
}

function NewAgent(): ReactNode {
  const client = useClient();
  const { go } = useRouter();
  const form = useForm<Draft>({
    initial: EMPTY,
    validate: problems,
    placeOf,
    submit: async (draft) => {
      const agent = await client.agents.create(inputOf(draft));
      go(`/agents/${agent.id}`, { replace: true });
    },
  });
  return (
    <Page title="New agent" back={BACK} narrow>
      <AgentForm form={form} action="Make the agent" />
    </Page>
  );
}

function KeptAgent({ id }: { id: string }): ReactNode {
  const client = useClient();
  const resource = useResource(`agent:${id}`, (signal) => client.agents.get(id, { signal }));
  const { data: agent, error, reload } = resource;
  if (!agent) {
    return (
      <Page title="Agent" back={BACK}>
        {error !== undefined ? <ErrorNote error={error} retry={reload} /> : <Skeleton rows={6} />}
      </Page>
    );
  }
  return <EditAgent agent={agent} onChange={resource.set} onReload={reload} />;
}

function EditAgent(props: { agent: Agent; onChange(agent: Agent): void; onReload(): void }): ReactNode {
  const { agent, onChange, onReload } = props;
  const client = useClient();
  const can = useCan();
  const [saved, setSaved] = useState(false);
  const form = useForm<Draft>({
    initial: draftOf(agent),
    validate: problems,
    placeOf,
    submit: async (draft) => {
      onChange(await client.agents.update(agent.id, inputOf(draft), { version: agent.version }));
      setSaved(true);
    },
  });
  return (
    <Page title={agent.name} back={BACK} actions={can('agents:write') && <Life agent={agent} onChange={onChange} />}>
      {agent.status === 'archived' && (
        <Note>Archived: it joins no new discussion and cannot be asked. Restore it to use it again.</Note>
      )}
      <div className="agent-columns">
        <div>
          <AgentForm
            form={form}
            action="Save"
            locked={!can('agents:write') || agent.status === 'archived'}
            note={saved && !form.dirty ? 'Saved.' : undefined}
            onReload={onReload}
          />
        </div>
        <div className="agent-side">
          {can('agents:invoke') && agent.status === 'active' && <Try agent={agent} unsaved={form.dirty} />}
          {can('generations:read') && <AgentUse agent={agent} />}
        </div>
      </div>
    </Page>
  );
}

/** Archive, restore, delete. */
function Life({ agent, onChange }: { agent: Agent; onChange(agent: Agent): void }): ReactNode {
  const client = useClient();
  const { go } = useRouter();
  const [asking, setAsking] = useState(false);
  const [error, setError] = useState<unknown>();
  const turn = async (): Promise<void> => {
    try {
      const next = agent.status === 'active' ? client.agents.archive(agent.id) : client.agents.restore(agent.id);
      onChange(await next);
    } catch (problem) {
      setError(problem);
    }
  };
  return (
    <>
      {error !== undefined && <ErrorNote error={error} />}
      <Button icon="archive" onClick={() => void turn()}>
        {agent.status === 'active' ? 'Archive' : 'Restore'}
      </Button>
      <Button look="quiet" icon="trash" onClick={() => setAsking(true)}>
        Delete
      </Button>
      {asking && (
        <Confirm
          title={`Delete ${agent.name}?`}
          action="Delete it"
          onClose={() => setAsking(false)}
          onConfirm={async () => {
            await client.agents.delete(agent.id, { version: agent.version });
            go('/agents', { replace: true });
          }}
        >
          <p>
            What it said in discussions stays. An agent that a running discussion needs cannot be deleted; archive it
            instead.
          </p>
        </Confirm>
      )}
    </>
  );
}

type AgentFormProps = {
  form: Form<Draft>;
  action: string;
  locked?: boolean;
  note?: string | undefined;
  onReload?(): void;
};

function AgentForm({ form, action, locked = false, note, onReload }: AgentFormProps): ReactNode {
  const text = (name: 'name' | 'instructions') => ({
    value: form.values[name],
    problem: form.problem(name),
    onChange: (event: { target: { value: string } }) => {
      form.set(name, event.target.value);
      form.touch(name);
    },
    onBlur: () => form.touch(name),
  });
  return (
    <form className="stack" onSubmit={(event) => void form.submit(event)} noValidate>
      <fieldset className="bare stack" disabled={locked}>
        <TextField
          label="Name"
          spellCheck={false}
          autoCapitalize="none"
          maxLength={64}
          hint="Others address it as agent:NAME."
          {...text('name')}
        />
        <TextArea
          label="Instructions"
          rows={10}
          className="prose-input"
          placeholder="Who is it? What does it want? How does it speak, and how long?"
          {...text('instructions')}
        />
        <ModelField
          value={form.values.model}
          problem={form.problem('model')}
          onChange={(model) => {
            form.set('model', model);
            form.touch('model');
          }}
        />
        <Fallbacks form={form} />
        <MemoryFields form={form} />
        <FineTuning form={form} />
        <MetadataFields form={form} />
      </fieldset>
      {form.error !== undefined && <ErrorNote error={form.error} {...(onReload && { retry: onReload })} />}
      {form.rest(isShown).map((problem) => (
        <p key={problem} className="problem">
          {problem}
        </p>
      ))}
      {!locked && (
        <div className="form-foot">
          <Button type="submit" look="primary" busy={form.busy}>
            {action}
          </Button>
          <span role="status" className={form.tried && !form.valid ? 'problem' : 'faint'}>
            {form.tried && !form.valid ? 'Something above is not right yet.' : note}
          </span>
        </div>
      )}
    </form>
  );
}

const SHOWN = new Set<string>(Object.keys(EMPTY));
const isShown = (place: string): boolean => SHOWN.has(place.split('.')[0] ?? '') && place !== 'metadata';
