import { type ReactNode, type RefObject, useId, useLayoutEffect, useRef, useState } from 'react';
import { Button, IconButton } from './controls.tsx';
import { ErrorNote } from './states.tsx';

type Modal = { ref: RefObject<HTMLDialogElement | null>; onClose(): void };

/**
 * Opens the dialogue that takes these, and closes it while it is still in the page: only then does the browser give the
 * focus back to where it was.
 */
export function useModal(onClose: () => void): Modal {
  const ref = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  // Told late, of a dialogue that was opened anew meanwhile: it did not close.
  const closed = (): void => {
    if (!ref.current?.open) onClose();
  };
  return { ref, onClose: closed };
}

/** The browser's own modal dialogue: it keeps the focus and closes on Escape. */
export function Dialog(props: { title: string; onClose(): void; children: ReactNode }): ReactNode {
  const modal = useModal(props.onClose);
  const title = useId();
  return (
    <dialog {...modal} className="dialog" aria-labelledby={title}>
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
