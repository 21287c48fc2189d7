import { type ReactNode, useState } from 'react';
import type { Form } from '../../../lib/form.ts';
import { huesAt } from '../../../lib/speakers.ts';
import { Button, IconButton, Select } from '../../../ui/controls.tsx';
import { Graph } from '../../../ui/graph.tsx';
import { Icon } from '../../../ui/icon.tsx';
import { type Draft, type Edge, freshKey, moved } from '../draft.ts';

/** Edges as lines of text, and the graph that they are, drawn as they change. */
export function EdgesEditor({ form }: { form: Form<Draft> }): ReactNode {
  const { seats, edges, start } = form.values;
  const [marked, setMarked] = useState<number | undefined>();
  const hues = huesAt(seats.map(({ name }) => name));
  const speakers = seats.map(({ key: id, name, kind }, i) => ({ id, name, kind, hue: hues[i] ?? 0 }));
  const set = (next: Edge[]): void => form.set('edges', next);
  const add = (): void => {
    const from = edges.at(-1)?.to || seats[0]?.key || '';
    set([...edges, { key: freshKey(edges, 'edge-'), from, to: '', when: '' }]);
  };
  return (
    <div className="graph-editor">
      <div className="graph-paper">
        <Graph speakers={speakers} edges={edges} start={start || undefined} marked={marked} listed={false} />
      </div>
      <fieldset className="bare stack">
        <legend className="section-title">Edges</legend>
        <p className="hint">
          From the last speaker: to whom the message calls by @name, else along the first edge whose words occur in it,
          else along the edge without words that was travelled least. Where none leads on, the discussion is over.
        </p>
        <Select
          label="Who begins"
          value={start}
          problem={form.problem('start')}
          onChange={(event) => form.set('start', event.target.value)}
        >
          <option value="">{seats[0] ? `${seats[0].name}, the first` : 'the first'}</option>
          {seats.map(({ key, name }) => (
            <option key={key} value={key}>
              {name}
            </option>
          ))}
        </Select>
        <ol className="edge-list">
          {edges.map((edge, index) => (
            <EdgeRow
              key={edge.key}
              form={form}
              index={index}
              last={index === edges.length - 1}
              onMark={setMarked}
              onMove={(by) => set(moved(edges, index, by))}
              onRemove={() => {
                set(edges.filter(({ key }) => key !== edge.key));
                setMarked(undefined);
              }}
            />
          ))}
        </ol>
        {form.live('edges') && (
          <p className="problem" role="alert">
            {form.live('edges')}
          </p>
        )}
        <div className="form-foot">
          <Button icon="plus" onClick={add}>
            Add an edge
          </Button>
        </div>
      </fieldset>
    </div>
  );
}

type RowProps = {
  form: Form<Draft>;
  index: number;
  last: boolean;
  onMark(index: number | undefined): void;
  onMove(by: -1 | 1): void;
  onRemove(): void;
};

function EdgeRow({ form, index, last, onMark, onMove, onRemove }: RowProps): ReactNode {
  const { seats, edges } = form.values;
  const edge = edges[index] as Edge;
  const set = (change: Partial<Edge>): void =>
    form.set(
      'edges',
      edges.map((other) => (other.key === edge.key ? { ...other, ...change } : other)),
    );
  const problem = ['', '.from', '.to', '.when'].map((part) => form.live(`edges.${index}${part}`)).find(Boolean);
  const number = index + 1;
  const who = (label: string, value: string, onChange: (key: string) => void): ReactNode => (
    <select aria-label={`${label}, edge ${number}`} value={value} onChange={(event) => onChange(event.target.value)}>
      <option value="">choose…</option>
      {seats.map(({ key, name }) => (
        <option key={key} value={key}>
          {name}
        </option>
      ))}
    </select>
  );
  return (
    <li
      className={problem ? 'edge-row edge-bad' : 'edge-row'}
      onFocus={() => onMark(index)}
      onBlur={() => onMark(undefined)}
      onMouseEnter={() => onMark(index)}
      onMouseLeave={() => onMark(undefined)}
    >
      <div className="edge-ends">
        {who('From', edge.from, (from) => set({ from }))}
        <Icon name="arrow" />
        {who('To', edge.to, (to) => set({ to }))}
      </div>
      <input
        aria-label={`Only when this is said, edge ${number}`}
        placeholder="always, or when this is said"
        maxLength={200}
        value={edge.when}
        onChange={(event) => set({ when: event.target.value })}
      />
      <div className="edge-tools">
        <IconButton icon="up" label={`Edge ${number} earlier`} disabled={index === 0} onClick={() => onMove(-1)} />
        <IconButton icon="chevron" label={`Edge ${number} later`} disabled={last} onClick={() => onMove(1)} />
        <IconButton icon="close" label={`Remove edge ${number}`} onClick={onRemove} />
      </div>
      {problem && <p className="problem">{problem}</p>}
    </li>
  );
}
