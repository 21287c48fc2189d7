import { type ReactNode, useState } from 'react';
import { dateTime } from '../../lib/format.ts';
import { useClient } from '../../lib/session.tsx';
import { Button, Select } from '../../ui/controls.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Secret } from '../../ui/secret.tsx';
import type { KeptProps } from './words.ts';

/** A new secret, while the old one goes on for a time: nothing is refused while receivers change over. */
export function SecretCard({ webhook, onChange }: KeptProps): ReactNode {
  const client = useClient();
  const [asking, setAsking] = useState(false);
  const [hours, setHours] = useState('24');
  const [made, setMade] = useState<string | undefined>();
  const until = webhook.previous_secret_expires_at;
  return (
    <section className="system-card" aria-labelledby="secret-title">
      <h2 id="secret-title">Secret</h2>
      {made !== undefined && <Secret value={made} label="The new secret: it is shown this once." />}
      <p className="faint">
        {until
          ? `Two sign now: the one before until ${dateTime(until)}.`
          : 'One signs. It was shown when it was made, and cannot be shown again.'}
      </p>
      <Button icon="key" onClick={() => setAsking(true)}>
        New secret…
      </Button>
      {asking && (
        <Confirm
          title="Give it a new secret?"
          action="Make a new secret"
          look="primary"
          onClose={() => setAsking(false)}
          onConfirm={async () => {
            const { secret, ...rotated } = await client.webhooks.rotate(webhook.id, {
              keep_previous_hours: Number(hours),
            });
            setMade(secret);
            onChange(rotated);
          }}
        >
          <div className="stack">
            <p>Deliveries are signed with both for a time, so that your receivers can change over.</p>
            <Select
              label="The old one signs for another"
              value={hours}
              onChange={(event) => setHours(event.target.value)}
            >
              <option value="24">day</option>
              <option value="1">hour</option>
              <option value="0">nothing: somebody else knows it</option>
            </Select>
          </div>
        </Confirm>
      )}
    </section>
  );
}
