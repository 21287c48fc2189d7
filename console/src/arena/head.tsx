import type { ConnectionState, Discussion } from '@parley/sdk';
import { type ReactNode, useState } from 'react';
import { sentence } from '../lib/errors.ts';
import { Link } from '../lib/router.tsx';
import { useCan, useClient } from '../lib/session.tsx';
import { Button, IconButton } from '../ui/controls.tsx';
import { Confirm } from '../ui/dialog.tsx';
import { Icon } from '../ui/icon.tsx';
import { StatusPill } from '../ui/status.tsx';
import { Menu } from './menu.tsx';
import { isOpen } from './state.ts';
import type { Arena } from './store.ts';

type HeadProps = {
  arena: Arena;
  discussion: Discussion;
  panel: boolean;
  whole: boolean;
  naming: boolean;
  onPanel(): void;
  onWhole(): void;
  onNaming(): void;
  onHelp(): void;
  onFork(): void;
  onCopyLink(): void;
  onProblem(problem: unknown): void;
};

/** What it is about, how it stands, and what can be done with it. */
export function Head(props: HeadProps): ReactNode {
  const { discussion, panel, whole, onPanel, onWhole } = props;
  return (
    <header className="arena-head">
      <div className="arena-bar">
        <Link to="/discussions" className="back">
          <Icon name="back" />
          <span>Discussions</span>
        </Link>
        <div className="arena-controls">
          <StatusPill status={discussion.status} />
          <Controls {...props} />
          <IconButton
            icon="stage"
            label={whole ? 'Show the transcript' : 'Show the stage alone'}
            className="stage-toggle"
            aria-pressed={whole}
            onClick={onWhole}
          />
          <More {...props} />
          <IconButton
            icon="panel"
            label={panel ? 'Hide the panel' : 'Figures, turns, people and rules'}
            aria-expanded={panel}
            onClick={onPanel}
          />
        </div>
      </div>
      <h1 title={discussion.topic} dir="auto">
        {discussion.topic}
      </h1>
    </header>
  );
}

type Command = 'pause' | 'resume' | 'advance';

function Controls({ arena, discussion, naming, onNaming, onProblem }: HeadProps): ReactNode {
  const [busy, setBusy] = useState<Command | undefined>();
  const can = useCan();
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
  if (!isOpen(discussion) || !can('discussions:write')) return null;
  const going = status === 'running' || status === 'waiting';
  return (
    <>
      {going && (
        <Button icon="pause" busy={busy === 'pause'} onClick={() => void run('pause')()}>
          Pause
        </Button>
      )}
      {(status === 'paused' || status === 'created') && discussion.needs === null && (
        <Button look="primary" icon="play" busy={busy === 'resume'} onClick={() => void run('resume')()}>
          {status === 'created' ? 'Start' : 'Resume'}
        </Button>
      )}
      {going && discussion.next_speaker !== null && (
        <Button
          look="quiet"
          icon="skip"
          title="End the turn under way and go on"
          busy={busy === 'advance'}
          onClick={() => void run('advance')()}
        >
          Go on
        </Button>
      )}
      {going && (
        <Button
          look="quiet"
          icon="hand"
          aria-pressed={naming}
          title="Name who speaks next (N)"
          onClick={onNaming}
          className="name-next"
        >
          Name next
        </Button>
      )}
    </>
  );
}

/** The rest: fork, export, links, the end. */
function More(props: HeadProps): ReactNode {
  const { arena, discussion, onHelp, onFork, onCopyLink, onProblem } = props;
  const [asking, setAsking] = useState(false);
  const client = useClient();
  const can = useCan();
  const writes = can('discussions:write');
  const save = async (format: 'markdown' | 'json'): Promise<void> => {
    onProblem(undefined);
    try {
      const file = await client.discussions.export(discussion.id, { format });
      offer(file.filename, new Blob([await file.text()], { type: file.contentType }));
    } catch (error) {
      onProblem(error);
    }
  };
  return (
    <>
      <Menu
        label="More"
        items={[
          { label: 'Copy a link to this', icon: 'link', run: onCopyLink },
          { label: 'Export as Markdown', icon: 'download', run: () => void save('markdown') },
          { label: 'Export as JSON', icon: 'download', run: () => void save('json') },
          ...(writes && discussion.messages > 0
            ? [{ label: 'Fork from its end…', icon: 'fork' as const, run: onFork }]
            : []),
          { label: 'Keyboard shortcuts', icon: 'keyboard', run: onHelp },
          ...(writes && isOpen(discussion)
            ? [{ label: 'Cancel the discussion…', icon: 'stop' as const, run: () => setAsking(true), danger: true }]
            : []),
        ]}
      />
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

/** Hands a file to the browser's downloads. */
function offer(name: string, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Shown only when it matters: the words on the screen are true, but they may be behind. */
export function ConnectionBar({ connection, open }: { connection: ConnectionState; open: boolean }): ReactNode {
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
          {navigator.onLine ? 'Reconnecting…' : 'You are offline.'}{' '}
          {connection.error && <span className="faint">{sentence(connection.error)} Nothing is lost.</span>}
        </>
      )}
    </div>
  );
}
