import { type ReactNode, useState } from 'react';
import { useBase } from '../../lib/base.ts';
import { useForm } from '../../lib/form.ts';
import { dateTime } from '../../lib/format.ts';
import { useEvery } from '../../lib/live.ts';
import { useResource } from '../../lib/resource.tsx';
import { useRouter } from '../../lib/router.tsx';
import { useCan, useClient } from '../../lib/session.tsx';
import { Button } from '../../ui/controls.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Page } from '../../ui/page.tsx';
import { ErrorNote, Note, Skeleton } from '../../ui/states.tsx';
import { Theirs } from '../../ui/theirs.tsx';
import { Deliveries } from './deliveries.tsx';
import { Fields } from './fields.tsx';
import { type Draft, draftOf, inputOf, placeOf, problems } from './form.ts';
import { Replay } from './replay.tsx';
import { SecretCard } from './secret-card.tsx';
import { type KeptProps, stateOf, WHY_OFF } from './words.ts';

const BACK = { to: '/webhooks', label: 'Webhooks' };
const REFRESH_MS = 3_000;

/** One webhook: what it hears, how it does, what was sent and what came back. */
export function WebhookPage({ id }: { id: string }): ReactNode {
  const client = useClient();
  const resource = useResource(`webhook:${id}`, (signal) => client.webhooks.get(id, { signal }));
  const { data: webhook, error, reload } = resource;
  useEvery(REFRESH_MS, reload);
  if (!webhook) {
    return (
      <Page title="Webhook" back={BACK}>
        {error !== undefined ? <ErrorNote error={error} retry={reload} /> : <Skeleton rows={6} />}
      </Page>
    );
  }
  return <Kept webhook={webhook} onChange={resource.set} error={error} />;
}

function Kept({ webhook, onChange, error }: KeptProps & { error: unknown }): ReactNode {
  const can = useCan();
  const { words, look } = stateOf(webhook);
  const { enabled, disabled_reason: reason, failing_since: failing } = webhook;
  return (
    <Page
      title={webhook.description ?? 'Webhook'}
      back={BACK}
      lead={
        <span className="order-lead">
          <span className={`pill pill-${look}`}>{words}</span> {webhook.url}
        </span>
      }
      actions={can('webhooks:write') && <Acts webhook={webhook} onChange={onChange} />}
    >
      {error !== undefined && <ErrorNote error={error} title="This may be out of date." />}
      {!enabled && <Note tone={reason === 'manual' ? 'plain' : 'warn'}>{WHY_OFF[reason ?? 'manual']}</Note>}
      {enabled && failing && (
        <Note tone="warn">No attempt has succeeded since {dateTime(failing)}. After five days it is turned off.</Note>
      )}
      <div className="order-columns">
        <Deliveries webhook={webhook} />
        <div className="aside">
          {can('webhooks:write') && (
            <>
              <SecretCard webhook={webhook} onChange={onChange} />
              <Replay webhook={webhook} onChange={onChange} />
            </>
          )}
          <Settings webhook={webhook} onChange={onChange} />
        </div>
      </div>
    </Page>
  );
}

/** Try, turn on and off, delete. */
function Acts({ webhook, onChange }: KeptProps): ReactNode {
  const client = useClient();
  const { go } = useRouter();
  const [asking, setAsking] = useState<'off' | 'delete' | undefined>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const act = async (what: () => Promise<void>): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      await what();
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      {error !== undefined && <ErrorNote error={error} />}
      {webhook.enabled ? (
        <Button icon="pause" disabled={busy} onClick={() => setAsking('off')}>
          Turn off
        </Button>
      ) : (
        <Button
          look="primary"
          icon="play"
          busy={busy}
          onClick={() => void act(async () => onChange(await client.webhooks.enable(webhook.id)))}
        >
          Turn on
        </Button>
      )}
      <Button look="quiet" icon="trash" onClick={() => setAsking('delete')}>
        Delete
      </Button>
      {asking === 'off' && (
        <Confirm
          title="Turn it off?"
          action="Turn it off"
          look="primary"
          onClose={() => setAsking(undefined)}
          onConfirm={async () =>
            onChange(await client.webhooks.update(webhook.id, { enabled: false }, { version: webhook.version }))
          }
        >
          <p>What waits for it is dropped, and what happens meanwhile is not kept for it. A replay brings it back.</p>
        </Confirm>
      )}
      {asking === 'delete' && (
        <Confirm
          title="Delete this webhook?"
          action="Delete it"
          onClose={() => setAsking(undefined)}
          onConfirm={async () => {
            await client.webhooks.delete(webhook.id);
            go('/webhooks', { replace: true });
          }}
        >
          <p>Its secret and the record of its deliveries go with it.</p>
        </Confirm>
      )}
    </>
  );
}

function Settings({ webhook, onChange }: KeptProps): ReactNode {
  const client = useClient();
  const can = useCan();
  const [saved, setSaved] = useState(false);
  const form = useForm<Draft>({
    initial: draftOf(webhook),
    validate: problems,
    placeOf,
    submit: async (draft) => {
      const changed = await client.webhooks.update(webhook.id, inputOf(draft), { version: base.version });
      onChange(changed);
      form.replace(draftOf(changed));
      setSaved(true);
    },
  });
  // That it was turned on or off is no change of what is typed here.
  const base = useBase(form, { version: webhook.version, draft: { ...draftOf(webhook), enabled: true } });
  return (
    <section className="system-card" aria-labelledby="settings-title">
      <h2 id="settings-title">What it hears</h2>
      {base.theirs && <Theirs onShow={base.fill} />}
      <form className="stack" onSubmit={(event) => void form.submit(event)} noValidate>
        <fieldset className="bare stack" disabled={!can('webhooks:write')}>
          <Fields form={form} />
        </fieldset>
        {form.error !== undefined && <ErrorNote error={form.error} />}
        {can('webhooks:write') && (
          <div className="form-foot">
            <Button type="submit" busy={form.busy}>
              Save
            </Button>
            <span role="status" className="faint">
              {saved && !form.dirty ? 'Saved.' : ''}
            </span>
          </div>
        )}
      </form>
    </section>
  );
}
