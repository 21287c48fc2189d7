import { type ConnectionState, type Discussion, ParleyError } from '@parley/sdk';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { sentence } from '../lib/errors.ts';
import { Link, useTitle } from '../lib/router.tsx';
import { useCan } from '../lib/session.tsx';
import { Button, IconButton } from '../ui/controls.tsx';
import { Confirm, Dialog } from '../ui/dialog.tsx';
import { Icon } from '../ui/icon.tsx';
import { Page } from '../ui/page.tsx';
import { Empty, ErrorNote, Skeleton } from '../ui/states.tsx';
import { StatusPill } from '../ui/status.tsx';
import { Composer } from './composer.tsx';
import { Panel } from './panel.tsx';
import { Stage, TurnLine } from './stage.tsx';
import { isOpen } from './state.ts';
import type { Arena } from './store.ts';
import { Transcript } from './transcript.tsx';
import { useArena } from './use-arena.ts';

/** A discussion as it happens. */
export function ArenaPage({ id }: { id: string }): ReactNode {
  const { arena, state } = useArena(id);
  const { discussion } = state;
  const [panel, setPanel] = useState(false);
  const [help, setHelp] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const input = useRef<HTMLTextAreaElement>(null);
  const can = useCan();
  useTitle(discussion?.topic ?? 'Discussion');
  useShortcuts({
    discussion,
    arena,
    input,
    allowed: can('discussions:write'),
    onHelp: () => setHelp(true),
    onProblem: setProblem,
  });

  if (!discussion || !state.loaded) return <NotYet failure={state.failure} />;
  return (
    <div className={panel ? 'arena arena-panel' : 'arena'} data-status={discussion.status}>
      <div className="arena-main">
        <header className="arena-head">
          <div className="arena-bar">
            <Link to="/discussions" className="back">
              <Icon name="back" />
              <span>Discussions</span>
            </Link>
            <div className="arena-controls">
              <StatusPill status={discussion.status} />
              {can('discussions:write') && <Controls arena={arena} discussion={discussion} onProblem={setProblem} />}
              <IconButton
                icon="keyboard"
                label="Keyboard shortcuts"
                className="wide-only"
                onClick={() => setHelp(true)}
              />
              <IconButton
                icon="panel"
                label={panel ? 'Back to the talk' : 'Figures and rules'}
                className="panel-toggle"
                aria-pressed={panel}
                onClick={() => setPanel(!panel)}
              />
            </div>
          </div>
          <h1 title={discussion.topic}>{discussion.topic}</h1>
        </header>
        <ConnectionBar connection={state.connection} open={isOpen(discussion)} />
        {problem !== undefined && <ErrorNote error={problem} />}
        {state.failure !== undefined && <ErrorNote error={state.failure} title="Live updates have ended." />}
        <Stage state={state} discussion={discussion} />
        <TurnLine state={state} discussion={discussion} />
        <Transcript state={state} discussion={discussion} />
        {can('discussions:write') && <Composer arena={arena} state={state} discussion={discussion} input={input} />}
      </div>
      <Panel state={state} discussion={discussion} />
      {help && <Shortcuts onClose={() => setHelp(false)} />}
    </div>
  );
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

/** Shown only when it matters: the words on the screen are true, but they may be behind. */
function ConnectionBar({ connection, open }: { connection: ConnectionState; open: boolean }): ReactNode {
  const lost = connection.state === 'reconnecting' && open;
  return (
    <div
      role="status"
      className={lost ? 'connection connection-lost' : 'connection'}
      data-connection={connection.state}
    >
      {lost && (
        <>
          <span className="spinner" aria-hidden="true" />
          Reconnecting…{' '}
          {connection.error && <span className="faint">{sentence(connection.error)} Nothing is lost.</span>}
        </>
      )}
    </div>
  );
}

type Command = 'pause' | 'resume' | 'cancel' | 'advance';

function Controls(props: { arena: Arena; discussion: Discussion; onProblem(problem: unknown): void }): ReactNode {
  const { arena, discussion, onProblem } = props;
  const [busy, setBusy] = useState<Command | undefined>();
  const [asking, setAsking] = useState(false);
  const run = (command: Command) => async (): Promise<void> => {
    setBusy(command);
    onProblem(undefined);
    try {
      await arena.command(command);
    } catch (error) {
      onProblem(error);
    } finally {
      setBusy(undefined);
    }
  };
  const { status } = discussion;
  if (!isOpen(discussion)) return null;
  return (
    <>
      {(status === 'running' || status === 'waiting') && (
        <Button icon="pause" busy={busy === 'pause'} onClick={() => void run('pause')()}>
          Pause
        </Button>
      )}
      {(status === 'paused' || status === 'created') && (
        <Button look="primary" icon="play" busy={busy === 'resume'} onClick={() => void run('resume')()}>
          {status === 'created' ? 'Start' : 'Resume'}
        </Button>
      )}
      {status === 'waiting' && (
        <Button icon="skip" busy={busy === 'advance'} onClick={() => void run('advance')()}>
          Go on
        </Button>
      )}
      <Button look="quiet" icon="stop" onClick={() => setAsking(true)}>
        Cancel
      </Button>
      {asking && (
        <Confirm
          title="End this discussion?"
          action="End it"
          onConfirm={() => arena.command('cancel')}
          onClose={() => setAsking(false)}
        >
          <p>Whoever is speaking stops. What was said stays here to read; the discussion cannot be resumed.</p>
        </Confirm>
      )}
    </>
  );
}

function Shortcuts({ onClose }: { onClose(): void }): ReactNode {
  const keys: [string, string][] = [
    ['C', 'Write to the table'],
    ['P', 'Pause or resume'],
    ['Esc', 'Leave the text field'],
    ['?', 'Show this'],
  ];
  return (
    <Dialog title="Keyboard" onClose={onClose}>
      <dl className="shortcuts">
        {keys.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}

function useShortcuts(props: {
  discussion: Discussion | undefined;
  arena: Arena;
  input: React.RefObject<HTMLTextAreaElement | null>;
  allowed: boolean;
  onHelp(): void;
  onProblem(problem: unknown): void;
}): void {
  const latest = useRef(props);
  latest.current = props;
  useEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      const { discussion, arena, input, allowed, onHelp, onProblem } = latest.current;
      const target = event.target as HTMLElement;
      if (event.metaKey || event.ctrlKey || event.altKey || target.closest('input, textarea, select, dialog')) return;
      if (event.key === '?') onHelp();
      if (!allowed || !discussion) return;
      if (event.key === 'c') {
        event.preventDefault();
        input.current?.focus();
      }
      if (event.key === 'p' && isOpen(discussion)) {
        const halted = discussion.status === 'paused' || discussion.status === 'created';
        arena.command(halted ? 'resume' : 'pause').catch(onProblem);
      }
    };
    window.addEventListener('keydown', pressed);
    return () => window.removeEventListener('keydown', pressed);
  }, []);
}
