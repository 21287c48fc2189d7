import type { Discussion } from '@parley/sdk';
import { type ReactNode, type RefObject, useEffect, useImperativeHandle, useMemo, useRef, useState } from 'react';
import { count } from '../../lib/format.ts';
import { Icon } from '../../ui/icon.tsx';
import { isAwaitingChoice } from '../stage/roles.ts';
import { type ArenaState, isOpen, turnOf } from '../state.ts';
import type { Arena } from '../store.ts';
import { Said } from './said.tsx';
import { Speaking } from './speaking.tsx';
import { useWindow } from './use-window.ts';
import { estimateHeight } from './window.ts';

/** What the keyboard and the timeline ask of the transcript. */
export type Reading = {
  /** To the next or the one before. */
  step(by: 1 | -1): void;
  /** To this message, wherever it is. */
  show(seq: number): void;
  first(): void;
  latest(): void;
};

export type MessageActions = { inspect(turn: number): void; fork(seq: number): void; copyLink(seq: number): void };

type TranscriptProps = {
  arena: Arena;
  state: ArenaState;
  discussion: Discussion;
  reading: RefObject<Reading | null>;
  /** The message that is pointed at. */
  current: number | undefined;
  onCurrent(seq: number): void;
  actions: MessageActions;
};

/** Everything that was said, and what is being said. Keeps to the end while the reader is there. */
export function Transcript(props: TranscriptProps): ReactNode {
  const { arena, state, discussion, reading, current, onCurrent, actions } = props;
  const { messages, live, ended } = state;
  const rows = useMemo(
    () => messages.map(({ seq, content }) => ({ key: seq, estimate: estimateHeight(content, 74) })),
    [messages],
  );
  const here = state.newer === 'none';
  const view = useWindow({
    rows,
    tail: live,
    ends: here,
    onTop: () => void arena.older(),
    onBottom: () => void arena.newer(),
  });
  const { span, atEnd, toRow, toEnd } = view;
  const wanted = useWanted(messages, toRow);
  const [byKey, setByKey] = useState(false);
  const point = (seq: number): void => {
    setByKey(true);
    onCurrent(seq);
  };
  useImperativeHandle(reading, () => ({
    step(by) {
      const from = current ?? (by > 0 ? (messages.at(span.from)?.seq ?? 0) - 1 : (messages.at(-1)?.seq ?? 0) + 1);
      const seq = from + by;
      if (seq < 1 || seq > discussion.messages) return;
      point(seq);
      void arena.show(seq).then(() => wanted(seq));
    },
    show(seq) {
      point(seq);
      void arena.show(seq).then(() => wanted(seq));
    },
    first() {
      if (discussion.messages === 0) return;
      point(1);
      void arena.show(1).then(() => wanted(1));
    },
    latest: () => void arena.latest().then(toEnd),
  }));
  const missed = useMissed(discussion.messages, atEnd && here);
  const drawn = messages.slice(span.from, span.to);
  return (
    <div className="transcript-frame">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: an area that scrolls must be reachable by keyboard */}
      <section className="transcript" ref={view.scroller} tabIndex={0} aria-label="Transcript">
        <ol className="talk" style={{ paddingTop: span.before }}>
          {drawn.map((message) => (
            <Said
              key={message.id}
              message={message}
              discussion={discussion}
              turn={turnOf(state, message.turn)}
              current={message.seq === current}
              focused={byKey && message.seq === current}
              measure={view.measure}
              actions={actions}
            />
          ))}
          {span.after > 0 && <li className="talk-space" style={{ height: span.after }} />}
          {here &&
            ended.map((over) => <Speaking key={over.turn} state={state} discussion={discussion} live={over} over />)}
          {here && live && <Speaking state={state} discussion={discussion} live={live} />}
        </ol>
        {messages.length === 0 && !live && <p className="silence">{silence(discussion)}</p>}
      </section>
      <Edge state={state} retry={() => void arena.older()} />
      {!(atEnd && here) && (
        <button type="button" className="to-end" onClick={() => void arena.latest().then(toEnd)}>
          <Icon name="down" />
          {missed > 0 ? `${count(missed)} new below` : 'To the latest'}
        </button>
      )}
    </div>
  );
}

/** Why nothing is there to read. */
function silence(discussion: Discussion): string {
  const { status } = discussion;
  if (isAwaitingChoice(discussion)) return 'Nobody has spoken yet. Choose who opens.';
  if (status === 'created') return 'Nothing has been said yet.';
  if (status === 'paused') return 'Nobody has said a word yet. It goes on when it is resumed.';
  if (status === 'waiting') return 'Nobody has said a word yet.';
  if (!isOpen(discussion)) return 'It ended before anybody said a word.';
  return 'The room is quiet. The first word is on its way.';
}

/** What is being fetched at the upper end; over the text, so that nothing moves. */
function Edge({ state, retry }: { state: ArenaState; retry(): void }): ReactNode {
  if (state.older === 'loading') {
    return (
      <p className="talk-edge" role="status">
        <span className="spinner" aria-hidden="true" /> Fetching what was said before…
      </p>
    );
  }
  if (state.older !== 'failed') return null;
  return (
    <p className="talk-edge talk-edge-bad" role="alert">
      What was said before could not be fetched.{' '}
      <button type="button" onClick={retry}>
        Try again
      </button>
    </p>
  );
}

/** Goes to a message as soon as it is drawn from. */
function useWanted(messages: ArenaState['messages'], toRow: (key: number) => void): (seq: number) => void {
  const [wanted, setWanted] = useState<{ seq: number }>();
  const done = useRef<{ seq: number }>(undefined);
  useEffect(() => {
    if (!wanted || done.current === wanted || !messages.some(({ seq }) => seq === wanted.seq)) return;
    done.current = wanted;
    toRow(wanted.seq);
  }, [wanted, messages, toRow]);
  return (seq) => setWanted({ seq });
}

/** How many messages came since the reader left the end. */
function useMissed(end: number, there: boolean): number {
  const seen = useRef(end);
  useEffect(() => {
    if (there) seen.current = end;
  }, [there, end]);
  return there ? 0 : Math.max(0, end - seen.current);
}
