import { type DragEvent, type ReactNode, useRef, useState } from 'react';
import { type Form, useForm } from '../../lib/form.ts';
import { bytes, plural, words } from '../../lib/format.ts';
import { useRouter } from '../../lib/router.tsx';
import { useClient } from '../../lib/session.tsx';
import { Button, TextArea, TextField } from '../../ui/controls.tsx';
import { Page } from '../../ui/page.tsx';
import { ErrorNote } from '../../ui/states.tsx';

const MAX_BYTES = 1024 * 1024;
const size = (text: string): number => new TextEncoder().encode(text).length;

type Draft = { title: string; text: string };

/** Reads a file into the form; says why where it cannot. */
function useFile(form: Form<Draft>): { take(file: File | undefined): Promise<void>; refused: string | undefined } {
  const [refused, setRefused] = useState<string | undefined>();
  const take = async (file: File | undefined): Promise<void> => {
    if (!file) return;
    setRefused(undefined);
    if (file.size > MAX_BYTES) return setRefused(`${file.name} is ${bytes(file.size)}, and 1 MB is the most.`);
    const text = await file.text();
    if (/[\0\uFFFD]/.test(text))
      return setRefused(`${file.name} is not plain text. Markdown, CSV and the like can be read.`);
    form.set('text', text);
    if (form.values.title.trim() === '') form.set('title', file.name.replace(/\.[a-z0-9]{1,5}$/i, ''));
  };
  return { take, refused };
}

/** Paste a text, or drop a file of text. */
export function NewDocumentPage(): ReactNode {
  const client = useClient();
  const { go } = useRouter();
  const [over, setOver] = useState(false);
  const picker = useRef<HTMLInputElement>(null);
  const form = useForm<Draft>({
    initial: { title: '', text: '' },
    validate: ({ title, text }) => ({
      ...(title.trim() === '' && { title: 'A title is needed: agents cite by it.' }),
      ...(text.trim() === '' && { text: 'There is no text yet.' }),
      ...(size(text) > MAX_BYTES && { text: `${bytes(size(text))}, and 1 MB is the most.` }),
    }),
    submit: async ({ title, text }) => {
      const document = await client.documents.create({ title: title.trim(), text });
      go(`/documents/${document.id}`, { replace: true });
    },
  });

  const { take, refused } = useFile(form);
  const dropped = (event: DragEvent): void => {
    event.preventDefault();
    setOver(false);
    void take(event.dataTransfer.files[0]);
  };

  return (
    <Page title="Add a document" back={{ to: '/documents', label: 'Documents' }} narrow>
      <form className="stack" onSubmit={(event) => void form.submit(event)} noValidate>
        <TextField
          label="Title"
          maxLength={300}
          value={form.values.title}
          problem={form.problem('title')}
          onChange={(event) => form.set('title', event.target.value)}
        />
        {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is a second way; the button is the first */}
        <div
          className={over ? 'drop drop-over' : 'drop'}
          onDragOver={(event) => {
            event.preventDefault();
            setOver(true);
          }}
          onDragLeave={() => setOver(false)}
          onDrop={dropped}
        >
          <TextArea
            label="Text"
            rows={16}
            className="prose-input"
            placeholder="Paste it here, or drop a file on this field."
            hint={
              form.values.text === ''
                ? undefined
                : `${plural(words(form.values.text), 'word')}, ${bytes(size(form.values.text))}`
            }
            value={form.values.text}
            problem={refused ?? form.problem('text')}
            onChange={(event) => form.set('text', event.target.value)}
          />
        </div>
        <input
          ref={picker}
          type="file"
          className="visually-hidden"
          tabIndex={-1}
          aria-label="A file of text"
          accept="text/*,.md,.markdown,.txt,.csv,.tsv,.json,.yaml,.yml,.log"
          onChange={(event) => void take(event.target.files?.[0])}
        />
        {form.error !== undefined && <ErrorNote error={form.error} />}
        <div className="form-foot">
          <Button type="submit" look="primary" busy={form.busy}>
            Add it
          </Button>
          <Button onClick={() => picker.current?.click()}>Choose a file…</Button>
        </div>
      </form>
    </Page>
  );
}
