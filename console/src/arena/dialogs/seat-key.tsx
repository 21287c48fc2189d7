import type { Discussion, Participant, SeatKey } from '@parley/sdk';
import { type ReactNode, useState } from 'react';
import { date } from '../../lib/format.ts';
import { told } from '../../lib/page.ts';
import { useClient } from '../../lib/session.tsx';
import { Button, Select } from '../../ui/controls.tsx';
import { Confirm, Dialog } from '../../ui/dialog.tsx';
import { Secret } from '../../ui/secret.tsx';
import { ErrorNote, Note } from '../../ui/states.tsx';

type SeatProps = { discussion: Discussion; participant: Participant; onClose(): void };

/** Makes a seat's key and shows it this once, with the lines that take the seat. */
export function SeatKeyDialog({ discussion, participant, onClose }: SeatProps): ReactNode {
  const client = useClient();
  const [days, setDays] = useState('30');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [made, setMade] = useState<SeatKey | undefined>();
  const make = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      const body = days === '' ? {} : { expires_in_days: Number(days) };
      setMade(await client.discussions.issueSeatKey(discussion.id, participant.id, body));
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog title={`The key of ${participant.name}’s seat`} onClose={onClose}>
      {made ? (
        <Made made={made} discussion={discussion} />
      ) : (
        <div className="stack">
          <p className="dialog-text">
            Whoever has the key sits in this seat: is told when its turn comes, claims it and speaks. The key opens this
            discussion and nothing else.
          </p>
          <Note tone="warn">A key that was made before is dead at once.</Note>
          <Select label="Valid for" value={days} onChange={(event) => setDays(event.target.value)}>
            <option value="1">a day</option>
            <option value="7">a week</option>
            <option value="30">30 days</option>
            <option value="">as long as nobody revokes it</option>
          </Select>
        </div>
      )}
      {error !== undefined && <ErrorNote error={error} />}
      <footer>
        <Button onClick={onClose}>{made ? 'I have kept it' : 'Cancel'}</Button>
        {!made && (
          <Button look="primary" icon="key" busy={busy} onClick={() => void make()}>
            Make a key
          </Button>
        )}
      </footer>
    </Dialog>
  );
}

function Made({ made, discussion }: { made: SeatKey; discussion: Discussion }): ReactNode {
  const until =
    made.expires_at === null ? 'It stays valid until it is revoked.' : `Valid until ${date(made.expires_at)}.`;
  return (
    <>
      <Secret value={made.key} label={`Shown this once: keep it now. ${until}`} />
      <p className="section-title">Take the seat</p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a block that scrolls must be reachable by keyboard */}
      <pre className="snippet" tabIndex={0}>
        <code>{snippet(discussion, made.participant_id)}</code>
      </pre>
    </>
  );
}

/** A whole client of a seat: told of its turn, claims it, answers. */
function snippet({ id }: Discussion, participantId: string): string {
  const baseUrl = window.location.origin + told('parley-api', '/api/v1');
  return `import { Parley } from '@parley/sdk';

const parley = new Parley({
  baseUrl: '${baseUrl}',
  apiKey: process.env.PARLEY_SEAT_KEY,
});
const table = await parley.discussions.get('${id}');
for await (const event of parley.discussions.events(table.id, { cursor: table.cursor })) {
  if (event.type !== 'turn_started' || event.data.participant_id !== '${participantId}') continue;
  const { turn, fence, context } = await parley.discussions.claim(table.id, event.data.turn);
  const content = await answer(context.messages); // yours
  await parley.discussions.post(table.id, { content, turn, fence });
}`;
}

export function RevokeSeatKey({ discussion, participant, onClose }: SeatProps): ReactNode {
  const client = useClient();
  return (
    <Confirm
      title={`Revoke the key of ${participant.name}?`}
      action="Revoke it"
      onConfirm={() => client.discussions.revokeSeatKey(discussion.id, participant.id)}
      onClose={onClose}
    >
      <p>Whoever sits there is cut off at once. The seat stays; its turns pass when their time is up.</p>
    </Confirm>
  );
}
