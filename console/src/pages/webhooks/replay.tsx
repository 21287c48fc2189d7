import type { Webhook } from '@parley/sdk';
import { type ReactNode, useState } from 'react';
import { useForm } from '../../lib/form.ts';
import { plural } from '../../lib/format.ts';
import { useCan, useClient } from '../../lib/session.tsx';
import { Button, Select, TextField } from '../../ui/controls.tsx';
import { When } from '../../ui/page.tsx';
import { ErrorNote } from '../../ui/states.tsx';
import type { KeptProps } from './words.ts';

type Draft = { from: 'hour' | 'day' | 'week' | 'cursor'; cursor: string };
const HOURS = { hour: 1, day: 24, week: 168 } as const;

/** Sends what the log holds again: the same events, under the same ids. */
export function Replay({ webhook, onChange }: KeptProps): ReactNode {
  const client = useClient();
  const can = useCan();
  const [none, setNone] = useState(false);
  const { replay } = webhook;
  const form = useForm<Draft>({
    initial: { from: can('events:read') ? 'day' : 'cursor', cursor: '' },
    validate: ({ from, cursor }) => ({
      cursor:
        from === 'cursor' && !/^[0-9a-z]{1,32}\.[0-9]{1,15}$/.test(cursor.trim())
          ? 'A cursor of the log, as an event has it: epoch.position.'
          : undefined,
    }),
    placeOf: (field) => (field === 'from' ? 'cursor' : field),
    submit: async ({ from, cursor }) => {
      const at = from === 'cursor' ? cursor.trim() : await cursorBefore(client, HOURS[from]);
      setNone(at === undefined);
      if (at === undefined) return;
      const started = await client.webhooks.replay(webhook.id, { from: at });
      onChange({ ...webhook, replay: started });
    },
  });
  const running = replay?.status === 'running';
  return (
    <section className="system-card" aria-labelledby="replay-title">
      <h2 id="replay-title">Replay</h2>
      <form className="stack" onSubmit={(event) => void form.submit(event)} noValidate>
        <Select
          label="Send again what happened"
          value={form.values.from}
          onChange={(event) => form.set('from', event.target.value as Draft['from'])}
        >
          {can('events:read') && (
            <>
              <option value="hour">in the last hour</option>
              <option value="day">in the last day</option>
              <option value="week">in the last week</option>
            </>
          )}
          <option value="cursor">after a place in the log</option>
        </Select>
        {form.values.from === 'cursor' && (
          <TextField
            label="Cursor"
            spellCheck={false}
            autoComplete="off"
            value={form.values.cursor}
            problem={form.problem('cursor')}
            onChange={(event) => form.set('cursor', event.target.value)}
          />
        )}
        {form.error !== undefined && <ErrorNote error={form.error} />}
        <Button type="submit" icon="again" busy={form.busy} disabled={running || !webhook.enabled}>
          Replay
        </Button>
      </form>
      <p className="faint" role="status">
        {none ? 'Nothing has happened yet.' : <Progress webhook={webhook} />}
      </p>
    </section>
  );
}

/** The place in the log where so many hours ago it stood; undefined: nothing has ever happened. */
async function cursorBefore(client: ReturnType<typeof useClient>, hours: number): Promise<string | undefined> {
  const to = new Date(Date.now() - hours * 3_600_000).toISOString();
  const before = (await client.events.list({ to, limit: 1 })).items[0];
  if (before) return `${before.epoch}.${before.position}`;
  const newest = (await client.events.list({ limit: 1 })).items[0];
  return newest && `${newest.epoch}.0`;
}

function Progress({ webhook: { replay, enabled } }: { webhook: Webhook }): ReactNode {
  if (!replay) return enabled ? 'It keeps to the order of the log, and to the receiver’s pace.' : 'Turn it on first.';
  const trimmed = replay.trimmed && ' The log did not reach back that far.';
  const events = plural(replay.enqueued, 'event');
  if (replay.status === 'running')
    return (
      <>
        Under way: {events} put in line.{trimmed}
      </>
    );
  return (
    <>
      The last one, <When time={replay.started_at} />, {replay.status === 'completed' ? 'sent' : 'was ended after'}{' '}
      {events}.{trimmed}
    </>
  );
}
