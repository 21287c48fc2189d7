import { type ReactNode, useDeferredValue, useState } from 'react';
import type { Form } from '../../lib/form.ts';
import { useResource } from '../../lib/resource.tsx';
import { useClient } from '../../lib/session.tsx';
import { Button, IconButton, TextArea, TextField } from '../../ui/controls.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Icon } from '../../ui/icon.tsx';
import { SearchBox } from '../../ui/search.tsx';
import { Loaded } from '../../ui/states.tsx';
import type { Draft, Text } from './draft.ts';

const MOST = 16;

/** What lies on the table: documents kept here, or a text for this once. */
export function TextsPicker({ form }: { form: Form<Draft> }): ReactNode {
  const { texts } = form.values;
  const [open, setOpen] = useState<'documents' | 'paste' | undefined>();
  const set = (next: Text[]): void => form.set('texts', next);
  const full = texts.length >= MOST;
  return (
    <section className="stack" aria-labelledby="texts-title">
      <h2 id="texts-title" className="section-title">
        On the table <span className="optional">optional</span>
      </h2>
      {texts.length > 0 && (
        <ul className="seat-list">
          {texts.map((text) => (
            <li key={text.key}>
              <Icon name="document" />
              <span className="seat-name">{text.title}</span>
              {text.documentId === undefined && <span className="tag">this once</span>}
              <IconButton
                icon="close"
                label={`Take “${text.title}” away`}
                onClick={() => set(texts.filter(({ key }) => key !== text.key))}
              />
            </li>
          ))}
        </ul>
      )}
      {form.problem('texts') && (
        <p className="problem" role="alert">
          {form.problem('texts')}
        </p>
      )}
      <div className="form-foot">
        <Button icon="document" disabled={full} onClick={() => setOpen('documents')}>
          Choose documents
        </Button>
        <Button look="quiet" disabled={full} onClick={() => setOpen('paste')}>
          Paste a text
        </Button>
      </div>
      {open === 'documents' && <Choose texts={texts} onChange={set} onClose={() => setOpen(undefined)} />}
      {open === 'paste' && (
        <Paste
          onClose={() => setOpen(undefined)}
          onText={(title, text) => {
            set([...texts, { key: `text:${texts.length}:${title}`, title, text }]);
            setOpen(undefined);
          }}
        />
      )}
    </section>
  );
}

function Choose(props: { texts: readonly Text[]; onChange(texts: Text[]): void; onClose(): void }): ReactNode {
  const { texts, onChange, onClose } = props;
  const client = useClient();
  const [typed, setTyped] = useState('');
  const q = useDeferredValue(typed.trim());
  const resource = useResource(`choose:${q}`, (signal) =>
    client.documents.list({ page_size: 30, ...(q && { q }) }, { signal }),
  );
  const toggle = (id: string, title: string): void => {
    const rest = texts.filter(({ key }) => key !== id);
    onChange(rest.length < texts.length ? rest : [...texts, { key: id, title, documentId: id }]);
  };
  return (
    <Dialog title="Documents" onClose={onClose}>
      <SearchBox label="Search in titles and texts" value={typed} onChange={setTyped} />
      <Loaded resource={resource}>
        {({ items }) =>
          items.length === 0 ? (
            <p className="faint">
              {q ? 'Nothing speaks of that.' : 'No documents are kept here yet. Paste a text instead.'}
            </p>
          ) : (
            <ul className="check-list">
              {items.map(({ id, title }) => (
                <li key={id}>
                  <label>
                    <input
                      type="checkbox"
                      checked={texts.some(({ key }) => key === id)}
                      disabled={texts.length >= MOST && !texts.some(({ key }) => key === id)}
                      onChange={() => toggle(id, title)}
                    />
                    {title}
                  </label>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
      <footer>
        <Button look="primary" onClick={onClose}>
          Done
        </Button>
      </footer>
    </Dialog>
  );
}

function Paste({ onText, onClose }: { onText(title: string, text: string): void; onClose(): void }): ReactNode {
  const [title, setTitle] = useState('');
  const [text, setText] = useState('');
  const ready = title.trim() !== '' && text.trim() !== '';
  return (
    <Dialog title="A text for this once" onClose={onClose}>
      <div className="stack">
        <TextField label="Title" maxLength={300} value={title} onChange={(event) => setTitle(event.target.value)} />
        <TextArea
          label="Text"
          rows={10}
          className="prose-input"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </div>
      <footer>
        <Button onClick={onClose}>Leave it</Button>
        <Button look="primary" disabled={!ready} onClick={() => onText(title.trim(), text)}>
          Put it on the table
        </Button>
      </footer>
    </Dialog>
  );
}
