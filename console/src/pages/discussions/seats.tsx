import { type ReactNode, useDeferredValue, useState } from 'react';
import type { Form } from '../../lib/form.ts';
import { useResource } from '../../lib/resource.tsx';
import { useCan, useClient, useMe } from '../../lib/session.tsx';
import { Avatar } from '../../ui/avatar.tsx';
import { IconButton, LinkButton } from '../../ui/controls.tsx';
import { SearchBox } from '../../ui/search.tsx';
import { Loaded, Note } from '../../ui/states.tsx';
import { agentSeat, type Draft, moved, type Seat, toggled, userSeat } from './form.ts';

/** Who sits at the table, in which order. */
export function SeatsPicker({ form }: { form: Form<Draft> }): ReactNode {
  const { seats } = form.values;
  const set = (next: Seat[]): void => form.set('seats', next);
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
              <Avatar name={seat.name} kind={seat.kind} hue={index % 8} size="small" />
              <span className="seat-name">{seat.name}</span>
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
            <Avatar name={seat.name} kind={seat.kind} {...(place !== undefined && { hue: place % 8 })} size="small" />
            {seat.name}
          </button>
        );
      })}
    </div>
  );
}
