import { type ReactNode, useDeferredValue, useState } from 'react';
import type { Form } from '../../lib/form.ts';
import { useResource } from '../../lib/resource.tsx';
import { useCan, useClient, useMe } from '../../lib/session.tsx';
import { huesAt } from '../../lib/speakers.ts';
import { Avatar } from '../../ui/avatar.tsx';
import { Button, IconButton, LinkButton, TextField } from '../../ui/controls.tsx';
import { SearchBox } from '../../ui/search.tsx';
import { Loaded, Note } from '../../ui/states.tsx';
import {
  agentSeat,
  type Draft,
  freeSeat,
  moved,
  type Seat,
  seated,
  seatNameProblem,
  toggled,
  userSeat,
} from './draft.ts';

/** Who sits at the table, in which order. */
export function SeatsPicker({ form }: { form: Form<Draft> }): ReactNode {
  const { seats } = form.values;
  const hues = huesAt(seats.map(({ name }) => name));
  const set = (next: Seat[]): void => form.change((draft) => seated(draft, next));
  return (
    <section className="stack" aria-labelledby="seats-title">
      <h2 id="seats-title" className="section-title">
        Who sits down
      </h2>
      {seats.length > 0 && (
        <ol className="seat-list">
          {seats.map((seat, index) => (
            <li key={seat.key}>
              <span className="seat-number">{index + 1}</span>
              <Avatar name={seat.name} kind={seat.kind} hue={hues[index] ?? 0} size="small" />
              <span className="seat-name">
                {seat.name}
                {seat.kind === 'seat' && <span className="tag">a program’s seat</span>}
                {form.problem(`seats.${index}`) && <span className="problem">{form.problem(`seats.${index}`)}</span>}
              </span>
              <IconButton
                icon="up"
                label={`${seat.name} earlier`}
                disabled={index === 0}
                onClick={() => set(moved(seats, index, -1))}
              />
              <IconButton
                icon="chevron"
                label={`${seat.name} later`}
                disabled={index === seats.length - 1}
                onClick={() => set(moved(seats, index, 1))}
              />
              <IconButton icon="close" label={`${seat.name} gets up`} onClick={() => set(toggled(seats, seat))} />
            </li>
          ))}
        </ol>
      )}
      {form.problem('seats') && (
        <p className="problem" role="alert">
          {form.problem('seats')}
        </p>
      )}
      <Agents seats={seats} onToggle={(seat) => set(toggled(seats, seat))} />
      <People seats={seats} onToggle={(seat) => set(toggled(seats, seat))} />
      <Program seats={seats} onAdd={(seat) => set([...seats, seat])} />
    </section>
  );
}

type ChipsProps = { seats: readonly Seat[]; onToggle(seat: Seat): void };
const MANY = 12;

function Agents({ seats, onToggle }: ChipsProps): ReactNode {
  const client = useClient();
  const can = useCan();
  const [typed, setTyped] = useState('');
  const q = useDeferredValue(typed.trim());
  const resource = useResource(`seats:${q}`, (signal) =>
    client.agents.list({ status: 'active', page_size: 30, ...(q && { q }) }, { signal }),
  );
  return (
    <Loaded resource={resource}>
      {({ items, total }) => (
        <>
          {(q !== '' || total > MANY) && <SearchBox label="Find an agent" value={typed} onChange={setTyped} />}
          {items.length === 0 && q === '' && (
            <Note>
              There are no agents yet. {can('agents:write') && <LinkButton to="/agents">Make some first</LinkButton>}
            </Note>
          )}
          {items.length === 0 && q !== '' && <p className="faint">No agent matches.</p>}
          <Chips label="Agents" all={items.map(agentSeat)} seats={seats} onToggle={onToggle} />
        </>
      )}
    </Loaded>
  );
}

function People({ seats, onToggle }: ChipsProps): ReactNode {
  const client = useClient();
  const can = useCan();
  const { user } = useMe();
  const mayRead = can('users:read');
  const { data } = useResource(`people:${mayRead}`, async (signal) => {
    if (!mayRead) return [];
    const { items } = await client.users.list({ page_size: 100 }, { signal });
    return items;
  });
  const others = (data ?? []).filter(({ id }) => id !== user.id).map(userSeat);
  return (
    <Chips
      label="People"
      all={[{ ...userSeat(user), name: user.name || 'You' }, ...others]}
      seats={seats}
      onToggle={onToggle}
    />
  );
}

function Chips({ label, all, seats, onToggle }: ChipsProps & { label: string; all: readonly Seat[] }): ReactNode {
  if (all.length === 0) return null;
  const hues = huesAt(seats.map(({ name }) => name));
  const sitting = new Map(seats.map((seat, index) => [seat.key, index]));
  return (
    // biome-ignore lint/a11y/useSemanticElements: toggles, not fields of a form
    <div className="chips" role="group" aria-label={label}>
      {all.map((seat) => {
        const place = sitting.get(seat.key);
        return (
          <button
            key={seat.key}
            type="button"
            className="chip"
            aria-pressed={place !== undefined}
            onClick={() => onToggle(seat)}
          >
            <Avatar
              name={seat.name}
              kind={seat.kind}
              {...(place !== undefined && { hue: hues[place] ?? 0 })}
              size="small"
            />
            {seat.name}
          </button>
        );
      })}
    </div>
  );
}

/** A seat for a program of one's own: it takes its turns with a key of its own. */
function Program({ seats, onAdd }: { seats: readonly Seat[]; onAdd(seat: Seat): void }): ReactNode {
  const [open, setOpen] = useState(false);
  const [name, setName] = useState('');
  const [tried, setTried] = useState(false);
  const problem = seatNameProblem(name, seats);
  const add = (): void => {
    setTried(true);
    if (problem !== undefined) return;
    onAdd(freeSeat(name.trim()));
    setName('');
    setTried(false);
    setOpen(false);
  };
  if (!open)
    return (
      <div className="form-foot">
        <Button look="quiet" icon="key" onClick={() => setOpen(true)}>
          Keep a seat for a program
        </Button>
      </div>
    );
  return (
    <div className="seat-form">
      <TextField
        label="The program’s name"
        autoFocus
        maxLength={64}
        value={name}
        problem={tried || name !== '' ? problem : undefined}
        hint="It takes part from outside, with a key that you get in the arena."
        onChange={(event) => setName(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter') return;
          event.preventDefault();
          add();
        }}
      />
      <div className="form-foot">
        <Button onClick={add}>Keep the seat</Button>
        <Button look="quiet" onClick={() => setOpen(false)}>
          Leave it
        </Button>
      </div>
    </div>
  );
}
