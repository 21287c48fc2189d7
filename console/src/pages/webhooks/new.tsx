import type { NewWebhook } from '@parley/sdk';
import { type ReactNode, useState } from 'react';
import { useForm } from '../../lib/form.ts';
import { useClient } from '../../lib/session.tsx';
import { Button, LinkButton } from '../../ui/controls.tsx';
import { Page } from '../../ui/page.tsx';
import { Secret } from '../../ui/secret.tsx';
import { ErrorNote } from '../../ui/states.tsx';
import { Fields } from './fields.tsx';
import { type Draft, EMPTY, inputOf, placeOf, problems } from './form.ts';

const BACK = { to: '/webhooks', label: 'Webhooks' };

/** Makes one, and shows its secret: this once. */
export function NewWebhookPage(): ReactNode {
  const client = useClient();
  const [made, setMade] = useState<NewWebhook | undefined>();
  const form = useForm<Draft>({
    initial: EMPTY,
    validate: problems,
    placeOf,
    submit: async (draft) => setMade(await client.webhooks.create({ ...inputOf(draft), enabled: draft.enabled })),
  });
  if (made) {
    return (
      <Page title="Its secret" back={BACK} narrow>
        <div className="stack">
          <Secret value={made.secret} label="Keep this secret now: it is shown this once." />
          <p className="lead">
            Whoever receives the events checks each with it, as Standard Webhooks says: <code>verifyWebhook</code> of
            the SDK does. You can give it a new one at any time.
          </p>
          <div className="form-foot">
            <LinkButton to={`/webhooks/${made.id}`} look="primary">
              I have kept it
            </LinkButton>
          </div>
        </div>
      </Page>
    );
  }
  return (
    <Page title="New webhook" back={BACK} narrow>
      <form className="stack" onSubmit={(event) => void form.submit(event)} noValidate>
        <Fields form={form} />
        {form.error !== undefined && <ErrorNote error={form.error} />}
        <div className="form-foot">
          <Button type="submit" look="primary" busy={form.busy}>
            Make the webhook
          </Button>
          <span role="status" className="problem">
            {form.tried && !form.valid ? 'Something above is not right yet.' : ''}
          </span>
        </div>
      </form>
    </Page>
  );
}
