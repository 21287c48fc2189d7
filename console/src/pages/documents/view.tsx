import type { DocumentWithText } from '@parley/sdk';
import { type ReactNode, useState } from 'react';
import { useForm } from '../../lib/form.ts';
import { bytes, plural } from '../../lib/format.ts';
import { useResource } from '../../lib/resource.tsx';
import { useRouter } from '../../lib/router.tsx';
import { useCan, useClient } from '../../lib/session.tsx';
import { Button, LinkButton, TextArea, TextField } from '../../ui/controls.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Page, When } from '../../ui/page.tsx';
import { Prose } from '../../ui/prose.tsx';
import { ErrorNote, Skeleton } from '../../ui/states.tsx';

const BACK = { to: '/documents', label: 'Documents' };

export function DocumentPage({ id }: { id: string }): ReactNode {
  const client = useClient();
  const can = useCan();
  const { go } = useRouter();
  const resource = useResource(`document:${id}`, (signal) => client.documents.get(id, { signal }));
  const [mode, setMode] = useState<'read' | 'edit' | 'delete'>('read');
  const { data: document, error, reload } = resource;
  if (!document) {
    return (
      <Page title="Document" back={BACK} narrow>
        {error !== undefined ? <ErrorNote error={error} retry={reload} /> : <Skeleton rows={6} />}
      </Page>
    );
  }
  if (mode === 'edit') {
    return (
      <Edit
        document={document}
        onDone={() => {
          setMode('read');
          reload();
        }}
      />
    );
  }
  return (
    <Page
      title={document.title}
      back={BACK}
      narrow
      lead={
        <>
          {plural(document.words, 'word')} · {bytes(document.bytes)} · changed <When time={document.updated_at} />
        </>
      }
      actions={
        can('documents:write') && (
          <>
            <LinkButton to={`/discussions/new?document=${document.id}`} look="primary" icon="talk">
              Discuss it
            </LinkButton>
            <Button icon="edit" onClick={() => setMode('edit')}>
              Edit
            </Button>
            <Button look="quiet" icon="trash" onClick={() => setMode('delete')}>
              Delete
            </Button>
          </>
        )
      }
    >
      <article className="sheet">
        <Prose text={document.text} />
      </article>
      {mode === 'delete' && (
        <Confirm
          title="Delete this document?"
          action="Delete it"
          onClose={() => setMode('read')}
          onConfirm={async () => {
            await client.documents.delete(document.id);
            go('/documents', { replace: true });
          }}
        >
          <p>Discussions that cite it keep what was said.</p>
        </Confirm>
      )}
    </Page>
  );
}

function Edit({ document, onDone }: { document: DocumentWithText; onDone(): void }): ReactNode {
  const client = useClient();
  const form = useForm({
    initial: { title: document.title, text: document.text },
    validate: ({ title, text }) => ({
      ...(title.trim() === '' && { title: 'A title is needed.' }),
      ...(text.trim() === '' && { text: 'There is no text.' }),
    }),
    submit: async (values) => {
      await client.documents.update(document.id, values, { version: document.version });
      onDone();
    },
  });
  return (
    <Page title={`Edit “${document.title}”`} back={BACK} narrow>
      <form className="stack" onSubmit={(event) => void form.submit(event)} noValidate>
        <TextField
          label="Title"
          maxLength={300}
          value={form.values.title}
          problem={form.problem('title')}
          onChange={(event) => form.set('title', event.target.value)}
        />
        <TextArea
          label="Text"
          rows={20}
          className="prose-input"
          value={form.values.text}
          problem={form.problem('text')}
          onChange={(event) => form.set('text', event.target.value)}
        />
        {form.error !== undefined && <ErrorNote error={form.error} />}
        <div className="form-foot">
          <Button type="submit" look="primary" busy={form.busy}>
            Save
          </Button>
          <Button onClick={onDone}>Leave it as it was</Button>
        </div>
      </form>
    </Page>
  );
}
