import type { Provider } from '@parley/sdk';
import { type ReactNode, useEffect, useState } from 'react';
import { useForm } from '../../lib/form.ts';
import { useResource } from '../../lib/resource.tsx';
import { useCan, useClient } from '../../lib/session.tsx';
import { Button, TextField } from '../../ui/controls.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { ErrorNote, Loaded, Note } from '../../ui/states.tsx';
import { ModelField } from '../agents/model-field.tsx';

/** Which models can be asked. Keys go in and never come out. */
export function ProvidersSection(): ReactNode {
  const can = useCan();
  return (
    <div className="stack stack-wide">
      <Default />
      {can('providers:read') && <Providers />}
    </div>
  );
}

function Default(): ReactNode {
  const client = useClient();
  const can = useCan();
  const resource = useResource('model-default', (signal) => client.models.getDefault({ signal }));
  const [typed, setTyped] = useState('');
  const [state, setState] = useState<{ error?: unknown; saved?: boolean }>({});
  const kept = resource.data?.model ?? '';
  useEffect(() => setTyped(kept), [kept]);
  const save = async (): Promise<void> => {
    try {
      resource.set(await client.models.setDefault(typed === '' ? null : typed));
      setState({ saved: true });
    } catch (error) {
      setState({ error });
    }
  };
  // Not where somebody has chosen to rehearse.
  const chosen = resource.data?.model !== null;
  const effective = resource.data?.effective;
  return (
    <section>
      <h2 className="section-title">Default model</h2>
      {!chosen && effective === 'rehearsal' && (
        <Note>
          No language model is connected, so agents <strong>rehearse</strong>: their words are composed by rule from the
          documents, and marked so. Add a provider’s key below, or start a local server such as Ollama.
        </Note>
      )}
      <form
        className="stack narrow-form"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <fieldset className="bare" disabled={!can('providers:write')}>
          <ModelField
            otherwise={chosen ? 'the first that is connected' : `the first that is connected, now ${effective}`}
            value={typed}
            problem={undefined}
            onChange={setTyped}
          />
        </fieldset>
        {state.error !== undefined && <ErrorNote error={state.error} />}
        {can('providers:write') && (
          <div className="form-foot">
            <Button type="submit" disabled={typed === kept}>
              Save
            </Button>
            <span role="status" className="faint">
              {state.saved && typed === kept && 'Saved.'}
            </span>
          </div>
        )}
      </form>
    </section>
  );
}

function Providers(): ReactNode {
  const client = useClient();
  const can = useCan();
  const resource = useResource('providers', (signal) => client.providers.list({ signal }));
  const [removing, setRemoving] = useState<Provider | undefined>();
  return (
    <section>
      <h2 className="section-title">Providers</h2>
      <Loaded resource={resource}>
        {(providers) => (
          <ul className="lines">
            {linesOf(providers).map((line) => (
              <ProviderLine
                key={line.name}
                line={line}
                onChange={resource.reload}
                onRemove={() => setRemoving(line.set)}
              />
            ))}
            {can('providers:write') && <NewProvider onChange={resource.reload} />}
          </ul>
        )}
      </Loaded>
      {removing && (
        <Confirm
          title={`Remove the key of ${removing.name}?`}
          action="Remove it"
          onClose={() => setRemoving(undefined)}
          onConfirm={async () => {
            await client.providers.delete(removing.name);
            resource.reload();
          }}
        >
          <p>Agents on its models fail until another key is set.</p>
        </Confirm>
      )}
    </section>
  );
}

/** These are offered before they are set up. */
const KNOWN = ['openai', 'anthropic', 'google'] as const;
type Line = Pick<Provider, 'name' | 'kind'> & { set: Provider | undefined };

function linesOf(providers: readonly Provider[]): Line[] {
  const known = KNOWN.map((name) => ({ name, kind: name, set: providers.find((provider) => provider.name === name) }));
  const others = providers.filter(({ name }) => !KNOWN.some((other) => other === name));
  return [...known, ...others.map((provider) => ({ name: provider.name, kind: provider.kind, set: provider }))];
}

function stateOf(provider: Provider | undefined): string {
  if (!provider) return 'no key';
  if (provider.source === 'local') return `found on the server’s machine · ${provider.base_url}`;
  if (provider.source === 'operator') return 'set up for everybody by whoever runs the server';
  const key = provider.api_key_last4 ? `key ending in ${provider.api_key_last4}` : 'no key';
  return `${key} · ${provider.base_url}`;
}

function ProviderLine({ line, onChange, onRemove }: { line: Line; onChange(): void; onRemove(): void }): ReactNode {
  const mine = line.set?.source === 'tenant';
  const can = useCan();
  const [open, setOpen] = useState(false);
  return (
    <li className="line-tall">
      <div className="line-main">
        <strong>{line.name}</strong>
        <span className="faint">{stateOf(line.set)}</span>
      </div>
      {can('providers:write') && line.set?.source !== 'local' && (
        <>
          <Button look="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
            {mine ? 'Replace' : 'Set a key'}
          </Button>
          {mine && (
            <Button look="quiet" onClick={onRemove}>
              Remove
            </Button>
          )}
        </>
      )}
      {open && (
        <KeyForm
          name={line.name}
          compatible={line.kind === 'openai_compatible'}
          onDone={() => {
            setOpen(false);
            onChange();
          }}
        />
      )}
    </li>
  );
}

function KeyForm({ name, compatible, onDone }: { name: string; compatible: boolean; onDone(): void }): ReactNode {
  const client = useClient();
  const form = useForm({
    initial: { api_key: '', base_url: '' },
    validate: ({ api_key, base_url }) => ({
      ...(!compatible && api_key === '' && { api_key: 'Paste the key.' }),
      ...(compatible && base_url === '' && { base_url: 'Where is it? Like https://models.example/v1' }),
    }),
    submit: async ({ api_key, base_url }) => {
      await client.providers.set(name, {
        ...(compatible && { kind: 'openai_compatible' }),
        ...(api_key && { api_key }),
        ...(base_url && { base_url }),
      });
      onDone();
    },
  });
  return (
    <form className="inline-form line-form" onSubmit={(event) => void form.submit(event)} noValidate>
      <TextField
        label="Key"
        type="password"
        autoComplete="off"
        optional={compatible}
        hint="Kept encrypted; it can be replaced or removed, not read."
        value={form.values.api_key}
        problem={form.problem('api_key')}
        onChange={(event) => form.set('api_key', event.target.value)}
      />
      <TextField
        label="Address"
        type="url"
        optional={!compatible}
        placeholder={compatible ? 'https://…/v1' : 'the provider’s own'}
        value={form.values.base_url}
        problem={form.problem('base_url')}
        onChange={(event) => form.set('base_url', event.target.value)}
      />
      <Button type="submit" look="primary" busy={form.busy}>
        Save
      </Button>
      {form.error !== undefined && <ErrorNote error={form.error} />}
    </form>
  );
}

/** Any server that speaks OpenAI's wire, under a name of your choice. */
function NewProvider({ onChange }: { onChange(): void }): ReactNode {
  const [open, setOpen] = useState(false);
  const [name, setName] = useState('');
  const fine = /^[a-z0-9][a-z0-9-]{0,62}$/.test(name);
  return (
    <li className="line-tall">
      <div className="line-main">
        <strong>Another server</strong>
        <span className="faint">Anything that speaks OpenAI’s protocol</span>
      </div>
      <Button look="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
        Add
      </Button>
      {open && (
        <div className="line-form stack">
          <TextField
            label="Name"
            hint="Its models are then NAME/model."
            spellCheck={false}
            value={name}
            problem={name !== '' && !fine ? 'Letters a–z, digits and -.' : undefined}
            onChange={(event) => setName(event.target.value)}
          />
          {fine && (
            <KeyForm
              name={name}
              compatible
              onDone={() => {
                setOpen(false);
                setName('');
                onChange();
              }}
            />
          )}
        </div>
      )}
    </li>
  );
}
