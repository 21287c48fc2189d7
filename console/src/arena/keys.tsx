import { type ReactNode, useEffect, useRef } from 'react';
import { Dialog } from '../ui/dialog.tsx';

/** What the keyboard can do here, in the order of the sheet. */
const KEYS = [
  ['write', ['c'], 'Write to the table'],
  ['pause', ['p'], 'Pause or resume'],
  ['name', ['n'], 'Name who speaks next; then 1 to 9'],
  ['next', ['j'], 'The next message'],
  ['before', ['k'], 'The message before'],
  ['first', ['Home'], 'The first message'],
  ['latest', ['End', 'g'], 'The latest'],
  ['turn', ['i'], 'Inspect the turn of the message'],
  ['fork', ['f'], 'Fork after the message'],
  ['link', ['l'], 'Copy a link to the message'],
  ['stage', ['v'], 'The stage alone, or with the transcript'],
  ['turns', ['t'], 'The turns'],
  ['panel', ['b'], 'Show or hide the panel'],
  ['leave', ['Escape'], 'Leave: the text field, a choice, the panel'],
  ['help', ['?'], 'Show this'],
] as const;

export type KeyCommand = (typeof KEYS)[number][0] | `choose-${number}`;

/** The command of a key, if it has one. */
export function commandOf(key: string): KeyCommand | undefined {
  if (/^[1-9]$/.test(key)) return `choose-${Number(key)}`;
  return KEYS.find(([, keys]) => (keys as readonly string[]).includes(key))?.[0];
}

/** Single keys, while nobody types and no dialogue is open. `run` says whether it did something. */
export function useKeys(run: (command: KeyCommand) => boolean): void {
  const latest = useRef(run);
  latest.current = run;
  useEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      const target = event.target as HTMLElement;
      if (event.metaKey || event.ctrlKey || event.altKey || event.isComposing) return;
      if (target.closest('input, textarea, select, dialog')) return;
      // Lists that go through themselves by these.
      if (/^(Home|End)$/.test(event.key) && target.closest('[role="tablist"], ol.turns')) return;
      const command = commandOf(event.key);
      if (command !== undefined && latest.current(command)) event.preventDefault();
    };
    window.addEventListener('keydown', pressed);
    return () => window.removeEventListener('keydown', pressed);
  }, []);
}

const shown = (key: string): string => ({ Escape: 'Esc' })[key] ?? (key.length === 1 ? key.toUpperCase() : key);

export function Shortcuts({ onClose }: { onClose(): void }): ReactNode {
  return (
    <Dialog title="Keyboard" onClose={onClose}>
      <dl className="shortcuts shortcuts-arena">
        {KEYS.map(([command, keys, what]) => (
          <div key={command}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{shown(key)}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
