import type { Order } from '@parley/sdk';
import type { ReactNode } from 'react';
import { useForm } from '../../lib/form.ts';
import { useClient } from '../../lib/session.tsx';
import { Button, TextField } from '../../ui/controls.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorNote } from '../../ui/states.tsx';

type Props = { order: Order; onChange(order: Order): void; onClose(): void };

/** Its pieces can be ordered again, and money that came goes back. */
export function CancelDialog({ order, onChange, onClose }: Props): ReactNode {
  const client = useClient();
  return (
    <WordsDialog
      title={`Cancel ${order.number}?`}
      label="Reason"
      most={500}
      action="Cancel the order"
      look="danger"
      onClose={onClose}
      onSubmit={async (reason) => onChange(await client.orders.cancel(order.id, reason === '' ? {} : { reason }))}
    >
      {order.status === 'paid'
        ? 'It was paid: the money goes back. Its pieces can be ordered again.'
        : 'Its pieces can be ordered again, and nothing more is charged.'}
    </WordsDialog>
  );
}

/** A paid order has left the house. */
export function FulfilDialog({ order, onChange, onClose }: Props): ReactNode {
  const client = useClient();
  return (
    <WordsDialog
      title={`Fulfil ${order.number}?`}
      label="Tracking number"
      most={200}
      action="It has left the house"
      look="primary"
      onClose={onClose}
      onSubmit={async (tracking) => onChange(await client.orders.fulfil(order.id, tracking === '' ? {} : { tracking }))}
    >
      Its pieces are gone for good. This cannot be undone.
    </WordsDialog>
  );
}

type WordsProps = {
  title: string;
  label: string;
  most: number;
  action: string;
  look: 'danger' | 'primary';
  children: ReactNode;
  onSubmit(words: string): Promise<void>;
  onClose(): void;
};

/** Asks, with a line of one's own that may be left out. */
function WordsDialog(props: WordsProps): ReactNode {
  const { title, label, most, action, look, children, onSubmit, onClose } = props;
  const form = useForm({
    initial: { words: '' },
    placeOf: () => 'words',
    submit: async ({ words }) => {
      await onSubmit(words.trim());
      onClose();
    },
  });
  return (
    <Dialog title={title} onClose={onClose}>
      <form className="stack" onSubmit={(event) => void form.submit(event)} noValidate>
        <p className="dialog-text">{children}</p>
        <TextField
          label={label}
          optional
          maxLength={most}
          autoComplete="off"
          value={form.values.words}
          problem={form.problem('words')}
          onChange={(event) => form.set('words', event.target.value)}
        />
        {form.error !== undefined && <ErrorNote error={form.error} />}
        <div className="dialog-acts">
          <Button onClick={onClose}>Keep it</Button>
          <Button type="submit" look={look} busy={form.busy}>
            {action}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
