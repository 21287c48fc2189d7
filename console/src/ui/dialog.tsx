import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { Button, IconButton } from './controls.tsx';
import { ErrorNote } from './states.tsx';

/** The browser's own modal dialogue: it keeps the focus and closes on Escape. */
export function Dialog(props: { title: string; onClose(): void; children: ReactNode }): ReactNode {
  const element = useRef<HTMLDialogElement>(null);
  const title = useId();
  useEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog ref={element} className="dialog" aria-labelledby={title} onClose={props.onClose}>
      <header>
        <h2 id={title}>{props.title}</h2>
        <IconButton icon="close" label="Close" onClick={props.onClose} />
      </header>
      {props.children}
    </dialog>
  );
}

type ConfirmProps = {
  title: string;
  children: ReactNode;
  action: string;
  look?: 'primary' | 'danger';
  onConfirm(): Promise<void>;
  onClose(): void;
};

/** Asks before what cannot be undone. */
export function Confirm({ title, children, action, look = 'danger', onConfirm, onClose }: ConfirmProps): ReactNode {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const go = async (): Promise<void> => {
    setBusy(true);
    try {
      await onConfirm();
      onClose();
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <div className="dialog-text">{children}</div>
      {error !== undefined && <ErrorNote error={error} />}
      <footer>
        <Button onClick={onClose}>Keep it</Button>
        <Button look={look} busy={busy} onClick={() => void go()}>
          {action}
        </Button>
      </footer>
    </Dialog>
  );
}
