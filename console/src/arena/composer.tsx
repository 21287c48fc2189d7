import type { Discussion } from '@parley/sdk';
import { type FormEvent, type KeyboardEvent, type ReactNode, type RefObject, useEffect, useState } from 'react';
import { sentence } from '../lib/errors.ts';
import { clock } from '../lib/format.ts';
import { useMe } from '../lib/session.tsx';
import { Button } from '../ui/controls.tsx';
import { Icon } from '../ui/icon.tsx';
import { isChoosing } from './stage/roles.ts';
import { type ArenaState, isOpen } from './state.ts';
import type { Arena } from './store.ts';
import { useNow } from './use-arena.ts';
import { ON_POST, remaining } from './words.ts';

/** The server's limit. */
const MAX_LENGTH = 65_536;

type ComposerProps = {
  arena: Arena;
  state: ArenaState;
  discussion: Discussion;
  input: RefObject<HTMLTextAreaElement | null>;
};

/** Where a person joins in. Says what happens to the words when somebody is speaking. */
export function Composer({ arena, state, discussion, input }: ComposerProps): ReactNode {
  const { user } = useMe();
  const [text, setText] = useDraft(discussion.id);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const mine = discussion.participants.find((participant) => participant.user_id === user.id);
  const asked =
    mine !== undefined && discussion.status === 'waiting' && mine.id === discussion.next_speaker?.participant_id;

  useEffect(() => {
    if (asked) input.current?.focus();
  }, [asked, input]);

  if (!isOpen(discussion)) return null;
  const send = async (event?: FormEvent): Promise<void> => {
    event?.preventDefault();
    const content = text.trim();
    if (content === '' || busy) return;
    setBusy(true);
    setError(undefined);
    try {
      await arena.post(content);
      setText('');
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
      input.current?.focus();
    }
  };
  const pressed = (event: KeyboardEvent<HTMLTextAreaElement>): void => {
    if (event.key === 'Escape') event.currentTarget.blur();
    if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing) void send(event);
  };

  return (
    <form className={asked ? 'composer composer-asked' : 'composer'} onSubmit={(event) => void send(event)}>
      {error !== undefined && (
        <p className="problem" role="alert">
          {sentence(error)}
        </p>
      )}
      <div className="composer-box">
        <textarea
          ref={input}
          value={text}
          rows={1}
          maxLength={MAX_LENGTH}
          aria-label="Your message"
          aria-describedby="composer-hint"
          placeholder={asked ? 'It is your turn. What do you say?' : 'Say something to the table…'}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={pressed}
        />
        <button
          type="submit"
          className="send"
          aria-label="Post"
          title="Post (Enter)"
          disabled={busy || text.trim() === ''}
        >
          <Icon name="send" />
        </button>
      </div>
      <div className="composer-hint" id="composer-hint">
        {asked ? (
          <YourTurn discussion={discussion} onPass={() => void arena.command('advance').catch(setError)} />
        ) : (
          <span>{consequence(discussion, state)}</span>
        )}
        <span className="keys">
          <kbd>Enter</kbd> posts, <kbd>Shift</kbd> <kbd>Enter</kbd> breaks the line
        </span>
      </div>
    </form>
  );
}

function YourTurn({ discussion, onPass }: { discussion: Discussion; onPass(): void }): ReactNode {
  const left = remaining(discussion.deadline, useNow(true));
  return (
    <>
      <span>
        <strong>It is your turn.</strong> {left !== undefined && `${clock(left)} left, then it passes.`}
      </span>
      <Button look="quiet" icon="skip" onClick={onPass}>
        Pass
      </Button>
    </>
  );
}

/** Half a thought outlives a reload, in this tab. */
function useDraft(id: string): [string, (text: string) => void] {
  const key = `parley.draft.${id}`;
  const [text, setText] = useState(() => sessionStorage.getItem(key) ?? '');
  useEffect(() => {
    if (text === '') sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, text);
  }, [text, key]);
  return [text, setText];
}

function consequence(discussion: Discussion, state: ArenaState): ReactNode {
  if (discussion.status === 'paused') return 'Heard when the discussion goes on.';
  if (!state.live && !isChoosing(state, discussion)) return 'Heard by whoever speaks next.';
  const { title, text } = ON_POST[discussion.on_post];
  return (
    <>
      <strong className={`on-post on-post-${discussion.on_post}`}>{title}:</strong> {text}
    </>
  );
}
