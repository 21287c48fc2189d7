import type { ApiKey, Permission } from '@parley/sdk';
import { type ReactNode, useState } from 'react';
import { useForm } from '../../lib/form.ts';
import { date } from '../../lib/format.ts';
import { useResource } from '../../lib/resource.tsx';
import { useCan, useClient, useMe } from '../../lib/session.tsx';
import { Button, Select, TextField } from '../../ui/controls.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { When } from '../../ui/page.tsx';
import { Secret } from '../../ui/secret.tsx';
import { Empty, ErrorNote, Loaded } from '../../ui/states.tsx';

const DAY_MS = 86_400_000;

export function KeysSection(): ReactNode {
  const client = useClient();
  const can = useCan();
  const keys = useResource('keys', (signal) => client.apiKeys.list({ page_size: 100 }, { signal }));
  const [revoking, setRevoking] = useState<ApiKey | undefined>();
  return (
    <div className="stack stack-wide">
      {can('api_keys:write') && <NewKey onMade={keys.reload} />}
      <section>
        <h2 className="section-title">Keys</h2>
        <Loaded resource={keys}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty title="No keys yet">Programs sign in with one: the SDK, the openai client at /v1, a script.</Empty>
            ) : (
              <ul className="lines">
                {items.map((key) => (
                  <li key={key.id}>
                    <div className="line-main">
                      <strong>{key.name}</strong>
                      <code>{key.prefix}…</code>
                      <span className="faint">
                        {key.scopes.length} permissions · {key.expires_at ? `until ${date(key.expires_at)}` : 'no end'}{' '}
                        ·{' '}
                        {key.last_used_at ? (
                          <>
                            used <When time={key.last_used_at} />
                          </>
                        ) : (
                          'never used'
                        )}
                      </span>
                    </div>
                    {can('api_keys:write') && (
                      <Button look="quiet" onClick={() => setRevoking(key)}>
                        Revoke
                      </Button>
                    )}
                  </li>
                ))}
              </ul>
            )
          }
        </Loaded>
      </section>
      {revoking && (
        <Confirm
          title={`Revoke “${revoking.name}”?`}
          action="Revoke it"
          onClose={() => setRevoking(undefined)}
          onConfirm={async () => {
            await client.apiKeys.revoke(revoking.id);
            keys.reload();
          }}
        >
          <p>Whatever uses it stops working at once.</p>
        </Confirm>
      )}
    </div>
  );
}

type Reach = 'read' | 'run' | 'all';
const READS = /:read$/;
const RUNS = /^(?:models:invoke|agents:invoke|discussions:write|documents:write)$/;

/** A key can do no more than who makes it. */
function scopesOf(reach: Reach, permissions: readonly Permission[]): Permission[] {
  if (reach === 'all') return [...permissions];
  return permissions.filter((name) => READS.test(name) || (reach === 'run' && RUNS.test(name)));
}

function NewKey({ onMade }: { onMade(): void }): ReactNode {
  const client = useClient();
  const { permissions } = useMe();
  const [made, setMade] = useState<string | undefined>();
  const form = useForm({
    initial: { name: '', reach: 'run' as Reach, days: '90' },
    validate: ({ name }) => ({ ...(name.trim() === '' && { name: 'What will use it?' }) }),
    submit: async ({ name, reach, days }) => {
      const expires = days === '' ? {} : { expires_at: new Date(Date.now() + Number(days) * DAY_MS).toISOString() };
      const { key } = await client.apiKeys.create({
        name: name.trim(),
        scopes: scopesOf(reach, permissions),
        ...expires,
      });
      setMade(key);
      form.replace({ name: '', reach, days });
      onMade();
    },
  });
  return (
    <section>
      <h2 className="section-title">New key</h2>
      {made && <Secret value={made} label="Keep this key now. It is shown this once." />}
      <form className="stack" onSubmit={(event) => void form.submit(event)} noValidate>
        <div className="inline-form">
          <TextField
            label="Name"
            maxLength={100}
            value={form.values.name}
            problem={form.problem('name')}
            onChange={(event) => form.set('name', event.target.value)}
          />
          <Select
            label="May"
            value={form.values.reach}
            onChange={(event) => form.set('reach', event.target.value as Reach)}
          >
            <option value="read">read</option>
            <option value="run">read, and run agents and discussions</option>
            <option value="all">do all that you may</option>
          </Select>
          <Select label="For" value={form.values.days} onChange={(event) => form.set('days', event.target.value)}>
            <option value="30">30 days</option>
            <option value="90">90 days</option>
            <option value="365">a year</option>
            <option value="">ever</option>
          </Select>
        </div>
        <div className="form-foot">
          <Button type="submit" look="primary" busy={form.busy}>
            Make it
          </Button>
        </div>
      </form>
      {form.error !== undefined && <ErrorNote error={form.error} />}
    </section>
  );
}
