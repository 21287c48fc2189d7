import type { Discussion } from '@parley/sdk';
import { type ReactNode, useState } from 'react';
import { count } from '../../lib/format.ts';
import { useRouter } from '../../lib/router.tsx';
import { useClient } from '../../lib/session.tsx';
import { Button, TextArea, TextField } from '../../ui/controls.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorNote } from '../../ui/states.tsx';
import { policyName } from '../words.ts';

/** Begins a new discussion with what was said up to a message. */
export function ForkDialog(props: { discussion: Discussion; seq: number; onClose(): void }): ReactNode {
  const { discussion, seq, onClose } = props;
  const client = useClient();
  const { go } = useRouter();
  const [topic, setTopic] = useState(discussion.topic);
  const [turns, setTurns] = useState(String(discussion.limits.max_turns));
  const [start, setStart] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const fork = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    const asked = topic.trim();
    try {
      const made = await client.discussions.fork(discussion.id, {
        ...{ seq, start, limits: { ...discussion.limits, max_turns: Number(turns) } },
        ...(asked !== '' && asked !== discussion.topic && { topic: asked }),
      });
      go(`/discussions/${made.id}`);
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };
  return (
    <Dialog title={`Fork after message ${count(seq)}`} onClose={onClose}>
      <div className="stack">
        <p className="dialog-text">
          A new discussion with the same people and the rule {policyName(discussion.policy).toLowerCase()}. It knows
          what was said up to message {count(seq)}, and nothing after. This one stays as it is.
        </p>
        <TextArea
          label="The question"
          className="prose-input"
          value={topic}
          maxLength={4000}
          rows={3}
          onChange={(event) => setTopic(event.target.value)}
        />
        <TextField
          label="Turns in all"
          type="number"
          min={1}
          max={10_000}
          value={turns}
          hint="Those that are taken over count."
          onChange={(event) => setTurns(event.target.value)}
        />
        <label className="check">
          <input type="checkbox" checked={start} onChange={(event) => setStart(event.target.checked)} /> Begin at once
        </label>
      </div>
      {error !== undefined && <ErrorNote error={error} />}
      <footer>
        <Button onClick={onClose}>Cancel</Button>
        <Button look="primary" icon="fork" busy={busy} onClick={() => void fork()}>
          Fork
        </Button>
      </footer>
    </Dialog>
  );
}
