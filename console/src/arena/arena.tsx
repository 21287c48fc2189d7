import { type Discussion, ParleyError } from '@parley/sdk';
import { type ReactNode, type RefObject, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useRouter, useTitle } from '../lib/router.tsx';
import { useCan } from '../lib/session.tsx';
import { Page } from '../ui/page.tsx';
import { Empty, ErrorNote, Skeleton } from '../ui/states.tsx';
import { Announcer } from './announcer.tsx';
import { Composer } from './composer.tsx';
import { ForkDialog } from './dialogs/fork.tsx';
import { Needs } from './dialogs/needs.tsx';
import { ConnectionBar, Head } from './head.tsx';
import { Inspector } from './inspector/inspector.tsx';
import { type KeyCommand, Shortcuts, useKeys } from './keys.tsx';
import { Naming } from './naming.tsx';
import { TurnLine } from './stage/line.tsx';
import { isAwaitingChoice } from './stage/roles.ts';
import { Stage } from './stage/stage.tsx';
import { type ArenaState, isOpen } from './state.ts';
import type { Arena } from './store.ts';
import { Stumble } from './stumble.tsx';
import { type MessageActions, type Reading, Transcript } from './transcript/transcript.tsx';
import { useArena } from './use-arena.ts';
import { useMedia, useView, type View } from './view.ts';

/** A discussion as it happens. */
export function ArenaPage({ id }: { id: string }): ReactNode {
  const { location } = useRouter();
  const asked = Number(location.query.get('message'));
  const [at] = useState(Number.isInteger(asked) && asked > 0 ? asked : undefined);
  const { arena, state } = useArena(id, at);
  const { discussion } = state;
  useTitle(discussion?.topic ?? 'Discussion');
  if (!discussion || !state.loaded) return <NotYet failure={state.failure} />;
  return <Room arena={arena} state={state} discussion={discussion} at={at} />;
}

type RoomProps = { arena: Arena; state: ArenaState; discussion: Discussion; at: number | undefined };

function Room({ arena, state, discussion, at }: RoomProps): ReactNode {
  const can = useCan();
  const writes = can('discussions:write');
  const view = useView(discussion, at);
  const wide = useMedia('(width >= 120rem)');
  const sheet = useMedia('(width < 75rem)') && view.panel;
  const input = useRef<HTMLTextAreaElement>(null);
  const reading = useRef<Reading>(null);
  const copy = useCopy(discussion.id, view.setNotice);
  const actions = useActions(view, copy);
  const naming = writes && (view.naming || isAwaitingChoice(discussion));
  const choose = useCallback(
    (participantId: string): void => {
      view.setNaming(false);
      view.setProblem(undefined);
      arena.name(participantId).catch(view.setProblem);
    },
    [arena, view.setNaming, view.setProblem],
  );
  const show = useCallback(
    (seq: number): void => {
      view.setWhole(false);
      if (sheet) view.setPanel(false);
      reading.current?.show(seq);
    },
    [sheet, view.setWhole, view.setPanel],
  );
  // A link to a message: there it begins.
  useEffect(() => {
    if (at !== undefined) reading.current?.show(at);
  }, [at]);
  useReconnected(state.connection.state, view.setNotice);
  useKeys(keyboard({ arena, discussion, view, writes, naming, choose, copy, input, reading }));

  const whole = view.whole || wide;
  const looks = ['arena', whole && 'arena-whole', view.whole && 'arena-alone', view.panel && 'arena-panel'];
  return (
    <div className={looks.filter(Boolean).join(' ')} data-status={discussion.status}>
      <div className="arena-main" inert={sheet}>
        <Head
          {...{ arena, discussion, naming }}
          panel={view.panel}
          whole={view.whole}
          onPanel={() => view.setPanel(!view.panel)}
          onWhole={() => view.setWhole(!view.whole)}
          onNaming={() => view.setNaming(!view.naming)}
          onHelp={() => view.setHelp(true)}
          onFork={() => view.setFork(discussion.messages)}
          onCopyLink={() => void copy()}
          onProblem={view.setProblem}
        />
        <div className="arena-notes">
          <ConnectionBar connection={state.connection} open={isOpen(discussion)} />
          {writes && <Needs key={discussion.needs?.max_cost_usd} arena={arena} discussion={discussion} />}
          <Stumble discussion={discussion} turn={state.turns.at(-1)} onTurn={(turn) => view.look('turns', turn)} />
          {view.problem !== undefined && <ErrorNote error={view.problem} />}
          {state.failure !== undefined && <ErrorNote error={state.failure} title="Live updates have ended." />}
        </div>
        <div className="arena-stage">
          <Stage state={state} discussion={discussion} whole={whole} onChoose={naming ? choose : undefined} />
          {!whole && <TurnLine state={state} discussion={discussion} />}
          {naming && <Naming discussion={discussion} onLeave={() => view.setNaming(false)} />}
        </div>
        {!view.whole && (
          <Transcript
            {...{ arena, state, discussion, reading, actions }}
            current={view.current}
            onCurrent={view.setCurrent}
          />
        )}
        {writes && <Composer arena={arena} state={state} discussion={discussion} input={input} />}
      </div>
      {view.panel && (
        <Inspector
          {...{ state, discussion, sheet }}
          tab={view.tab}
          onTab={(tab) => view.look(tab)}
          turn={view.turn}
          onTurn={(turn) => view.look('turns', turn)}
          onMessage={show}
          onOlderTurns={() => void arena.olderTurns()}
          onClose={() => view.setPanel(false)}
        />
      )}
      {sheet && (
        <button
          type="button"
          className="sheet-back"
          aria-label="Close the panel"
          tabIndex={-1}
          onClick={() => view.setPanel(false)}
        />
      )}
      <Announcer state={state} discussion={discussion} />
      <p className={view.notice ? 'notice' : 'notice notice-gone'} role="status">
        {view.notice}
      </p>
      {view.help && <Shortcuts onClose={() => view.setHelp(false)} />}
      {view.fork !== undefined && (
        <ForkDialog discussion={discussion} seq={view.fork} onClose={() => view.setFork(undefined)} />
      )}
    </div>
  );
}

function useActions(view: View, copy: (seq?: number) => Promise<void>): MessageActions {
  const { look, setFork } = view;
  return useMemo(
    () => ({
      inspect: (turn) => look('turns', turn),
      fork: setFork,
      copyLink: (seq) => void copy(seq),
    }),
    [look, setFork, copy],
  );
}

/** Says so when a lost connection is there again. */
function useReconnected(now: ArenaState['connection']['state'], notify: (notice: string) => void): void {
  const before = useRef(now);
  useEffect(() => {
    if (before.current === 'reconnecting' && now === 'open') notify('Connected again. Nothing was lost.');
    before.current = now;
  }, [now, notify]);
}

/** Copies the address of a message, or of the discussion, and says so. */
function useCopy(id: string, notify: (notice: string) => void): (seq?: number) => Promise<void> {
  return useCallback(
    async (seq) => {
      const query = seq === undefined ? '' : `?message=${seq}`;
      const link = `${window.location.origin}/discussions/${id}${query}`;
      try {
        await navigator.clipboard.writeText(link);
        notify(seq === undefined ? 'Link copied.' : `Link to message ${seq} copied.`);
      } catch {
        // Without https the browser has no clipboard: the address bar can be copied by hand.
        window.history.replaceState(null, '', `/discussions/${id}${query}`);
        notify('The link is in the address bar.');
      }
    },
    [id, notify],
  );
}

type Keyboard = {
  arena: Arena;
  discussion: Discussion;
  view: View;
  writes: boolean;
  naming: boolean;
  choose(participantId: string): void;
  copy(seq?: number): Promise<void>;
  input: RefObject<HTMLTextAreaElement | null>;
  reading: RefObject<Reading | null>;
};

/** What the keys do; `false`: nothing, the browser may have it. */
function keyboard({ arena, discussion, view, writes, naming, choose, copy, input, reading }: Keyboard) {
  const { current } = view;
  const read = (go: (reading: Reading) => void) => (): boolean => {
    view.setWhole(false);
    if (reading.current) go(reading.current);
    return true;
  };
  const write = (act: () => void) => (): boolean => {
    if (writes) act();
    return writes;
  };
  const done = (act: () => void) => (): boolean => {
    act();
    return true;
  };
  const open = isOpen(discussion);
  const halted = discussion.status === 'paused' || discussion.status === 'created';
  const commands: Partial<Record<KeyCommand, () => boolean>> = {
    write: write(() => input.current?.focus()),
    pause: write(() => {
      if (open) arena.command(halted ? 'resume' : 'pause').catch(view.setProblem);
    }),
    name: write(() => view.setNaming(open && !halted && !view.naming)),
    next: read((to) => to.step(1)),
    before: read((to) => to.step(-1)),
    first: read((to) => to.first()),
    latest: read((to) => to.latest()),
    turn: done(() => view.inspect(arena.state(), current)),
    fork: write(() => view.setFork(current ?? (discussion.messages || undefined))),
    link: done(() => void copy(current)),
    stage: done(() => view.setWhole(!view.whole)),
    turns: done(() => view.look('turns')),
    panel: done(() => view.setPanel(!view.panel)),
    leave: done(view.leave),
    help: done(() => view.setHelp(true)),
  };
  return (command: KeyCommand): boolean => {
    const number = /^choose-(\d)$/.exec(command)?.[1];
    if (number === undefined) return commands[command]?.() ?? false;
    const participant = discussion.participants[Number(number) - 1];
    if (!naming || !participant) return false;
    choose(participant.id);
    return true;
  };
}

function NotYet({ failure }: { failure: unknown }): ReactNode {
  const missing = failure instanceof ParleyError && (failure.status === 404 || failure.status === 422);
  return (
    <Page title="Discussion" back={{ to: '/discussions', label: 'Discussions' }}>
      {failure === undefined && <Skeleton rows={5} />}
      {missing && (
        <Empty title="There is no such discussion">It may have been removed, or the link is not whole.</Empty>
      )}
      {failure !== undefined && !missing && (
        <ErrorNote error={failure} title="This discussion cannot be shown." retry={() => window.location.reload()} />
      )}
    </Page>
  );
}
