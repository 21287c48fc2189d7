import { type DragEvent, type ReactNode, useState } from 'react';
import type { Form } from '../../../lib/form.ts';
import { huesAt } from '../../../lib/speakers.ts';
import { Avatar } from '../../../ui/avatar.tsx';
import { Button, IconButton, TextField } from '../../../ui/controls.tsx';
import { type Draft, freshKey, placed, type Seat, type Side, unplaced } from '../draft.ts';

const MOST = 8;

/** Who argues for what, and who judges: by dragging, or by the list on each name. */
export function SidesEditor({ form }: { form: Form<Draft> }): ReactNode {
  const { values } = form;
  const { sides, seats, judge } = values;
  const idle = unplaced(values);
  const put = (seat: string, where: string): void => form.change((draft) => placed(draft, seat, where));
  const set = (next: Side[]): void => form.set('sides', next);
  const of = (keys: readonly string[]): Seat[] => seats.filter(({ key }) => keys.includes(key));
  return (
    <fieldset className="bare stack">
      <legend className="section-title">Sides</legend>
      <div className="side-board">
        {sides.map((side, index) => (
          <Place key={side.key} where={side.key} label={side.name} onPut={put}>
            <div className="side-head">
              <input
                aria-label={`Name of side ${index + 1}`}
                maxLength={64}
                value={side.name}
                onChange={(event) =>
                  set(sides.map((other) => (other.key === side.key ? { ...other, name: event.target.value } : other)))
                }
              />
              {sides.length > 2 && (
                <IconButton
                  icon="close"
                  label={`Remove the side ${side.name}`}
                  onClick={() => set(sides.filter(({ key }) => key !== side.key))}
                />
              )}
            </div>
            <Members form={form} members={of(side.members)} where={side.key} onPut={put} />
            <Problem text={form.live(`sides.${index}.name`) ?? form.live(`sides.${index}`)} />
          </Place>
        ))}
        <Place where="judge" label="Judge" onPut={put}>
          <p className="side-title">Judge</p>
          <Members form={form} members={of([judge])} where="judge" onPut={put} />
          <Problem text={form.live('judge')} />
        </Place>
        {idle.length > 0 && (
          <Place where="" label="On no side" onPut={put}>
            <p className="side-title faint">On no side yet</p>
            <Members form={form} members={idle} where="" onPut={put} />
          </Place>
        )}
      </div>
      <Problem text={form.live('sides')} />
      <div className="debate-foot">
        <TextField
          label="Rounds"
          inputMode="numeric"
          placeholder="2"
          hint="One speaker of each side a round; within a side they take turns."
          value={values.rounds}
          problem={form.live('rounds')}
          onChange={(event) => form.set('rounds', event.target.value)}
        />
        <Button
          icon="plus"
          disabled={sides.length >= MOST}
          onClick={() => {
            const name = `Side ${sides.length + 1}`;
            set([...sides, { key: freshKey(sides, 'side-'), name, members: [] }]);
          }}
        >
          Add a side
        </Button>
      </div>
    </fieldset>
  );
}

const Problem = ({ text }: { text: string | undefined }): ReactNode =>
  text === undefined ? null : (
    <p className="problem" role="alert">
      {text}
    </p>
  );

type PlaceProps = { where: string; label: string; onPut(seat: string, where: string): void; children: ReactNode };

function Place({ where, label, onPut, children }: PlaceProps): ReactNode {
  const [over, setOver] = useState(false);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a place to drop on; the lists inside are the way by keyboard
    <div
      className={over ? 'side side-over' : 'side'}
      role="group"
      aria-label={label || 'A side without a name'}
      onDragOver={(event: DragEvent) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event: DragEvent) => {
        event.preventDefault();
        setOver(false);
        const seat = event.dataTransfer.getData('text/plain');
        if (seat !== '') onPut(seat, where);
      }}
    >
      {children}
    </div>
  );
}

type MembersProps = { form: Form<Draft>; members: readonly Seat[]; where: string; onPut: PlaceProps['onPut'] };

function Members({ form, members, where, onPut }: MembersProps): ReactNode {
  const { seats, sides } = form.values;
  const hues = huesAt(seats.map(({ name }) => name));
  if (members.length === 0) return <p className="side-empty faint">Drop a name here.</p>;
  return (
    <ul className="side-members">
      {members.map(({ key, name, kind }) => (
        <li
          key={key}
          draggable
          onDragStart={(event) => {
            event.dataTransfer.setData('text/plain', key);
            event.dataTransfer.effectAllowed = 'move';
          }}
        >
          <Avatar name={name} kind={kind} hue={hues[seats.findIndex((seat) => seat.key === key)] ?? 0} size="small" />
          <span className="seat-name">{name}</span>
          <select aria-label={`Where ${name} sits`} value={where} onChange={(event) => onPut(key, event.target.value)}>
            <option value="">no side</option>
            {sides.map((side) => (
              <option key={side.key} value={side.key}>
                {side.name || 'unnamed'}
              </option>
            ))}
            <option value="judge">judge</option>
          </select>
        </li>
      ))}
    </ul>
  );
}
