import type { Discussion } from '@parley/sdk';
import { type CSSProperties, type ReactNode, useEffect, useRef } from 'react';
import { clock, plural } from '../../lib/format.ts';
import { Avatar } from '../../ui/avatar.tsx';
import type { ArenaState } from '../state.ts';
import { useNow } from '../use-arena.ts';
import { useVoices } from '../voices.ts';
import { remaining } from '../words.ts';
import { Centre } from './centre.tsx';
import { arc, linesOf, type Place, placesOf, proposalsNow, type Role, round } from './roles.ts';

type StageProps = {
  state: ArenaState;
  discussion: Discussion;
  /** Round a table that fills the room, with the words in the middle; otherwise in a row. */
  whole: boolean;
  /** Set while somebody is to be named: places can be chosen. */
  onChoose?: ((participantId: string) => void) | undefined;
};

/** The speakers at their table: who has the word, who is asked or next, who was proposed by whom. */
export function Stage({ state, discussion, whole, onChoose }: StageProps): ReactNode {
  const places = placesOf(state, discussion, useVoices(state.messages));
  const row = useRef<HTMLUListElement>(null);
  const active = places.findIndex(({ role }) => role === 'speaking' || role === 'thinking' || role === 'waiting');
  useKeepInView(row, active, whole);
  const crowd = places.length > 14 ? ' stage-crowd' : places.length > 8 ? ' stage-many' : '';
  return (
    <section className={(whole ? 'stage stage-whole' : 'stage') + crowd} aria-label="Speakers">
      {whole && <Ballots state={state} discussion={discussion} />}
      <ul className="seats" ref={row}>
        {places.map((place, index) => (
          <li
            key={place.participant.id}
            className={`seat seat-${place.role} hue-${place.hue}`}
            style={where(index, places.length)}
          >
            <Seat place={place} discussion={discussion} number={index + 1} onChoose={onChoose} />
          </li>
        ))}
      </ul>
      {whole ? (
        <Centre state={state} discussion={discussion} />
      ) : (
        <svg className="table-edge" viewBox="0 0 600 40" preserveAspectRatio="none" aria-hidden="true">
          <path d="M0 38 Q300 -18 600 38" />
        </svg>
      )}
    </section>
  );
}

function where(index: number, places: number): CSSProperties {
  const { x, y } = round(index, places);
  return { '--x': x.toFixed(4), '--y': y.toFixed(4), '--back': arc(index, places).toFixed(4) } as CSSProperties;
}

const SAYS: Record<Role, string> = {
  speaking: 'speaking',
  thinking: 'preparing',
  waiting: 'is awaited',
  asked: 'is asked',
  next: 'next',
  quiet: '',
};

type SeatProps = {
  place: Place;
  discussion: Discussion;
  number: number;
  onChoose: ((participantId: string) => void) | undefined;
};

function Seat({ place, discussion, number, onChoose }: SeatProps): ReactNode {
  const { participant, hue, role, said, proposedBy } = place;
  const figure = (
    <>
      <span className="seat-figure">
        <Avatar name={participant.name} kind={participant.kind} hue={hue} size="large" />
        {role === 'speaking' && (
          <span className="voice" aria-hidden="true">
            <i />
            <i />
            <i />
            <i />
          </span>
        )}
        {role === 'waiting' && <Countdown discussion={discussion} />}
        {onChoose && number < 10 && (
          <span className="seat-key" aria-hidden="true">
            {number}
          </span>
        )}
      </span>
      <strong title={participant.name} dir="auto">
        {participant.name}
      </strong>
      {proposedBy.length > 0 ? (
        <Proposed by={proposedBy} />
      ) : (
        <span className="seat-note">
          {role === 'waiting' && <TimeLeft discussion={discussion} />}
          {role !== 'waiting' && (SAYS[role] || (said > 0 ? plural(said, 'word') : kindText(participant.kind)))}
        </span>
      )}
    </>
  );
  if (!onChoose) return figure;
  return (
    <button type="button" className="seat-choice" onClick={() => onChoose(participant.id)}>
      {figure}
    </button>
  );
}

const kindText = (kind: 'agent' | 'user' | 'seat'): string =>
  ({ agent: 'listening', user: 'a person', seat: 'a seat' })[kind];

/** Who proposed this one: a mark for each, in their colours. */
function Proposed({ by }: { by: Place['proposedBy'] }): ReactNode {
  const names = by.map(({ name }) => name).join(', ');
  return (
    <span className="seat-note proposed" title={`Proposed by ${names}`}>
      <span className="visually-hidden">{`proposed by ${names}`}</span>
      {by.slice(0, 7).map(({ hue, name }) => (
        <i key={name} className={`hue-${hue}`} aria-hidden="true" />
      ))}
      {by.length > 7 && <span aria-hidden="true">{`+${by.length - 7}`}</span>}
    </span>
  );
}

function TimeLeft({ discussion }: { discussion: Discussion }): ReactNode {
  const left = remaining(discussion.deadline, useNow(true));
  return left === undefined ? SAYS.waiting : `${clock(left)} left`;
}

/** How much of the time for the turn under way is left, as a ring that runs out. */
function Countdown({ discussion }: { discussion: Discussion }): ReactNode {
  const left = remaining(discussion.deadline, useNow(true)) ?? 0;
  const part = Math.min(1, left / discussion.limits.turn_timeout_seconds);
  return (
    <svg className="countdown" viewBox="0 0 40 40" aria-hidden="true">
      <circle cx="20" cy="20" r="18" pathLength="1" />
      <circle cx="20" cy="20" r="18" pathLength="1" strokeDasharray={`${part} 1`} />
    </svg>
  );
}

/** Who proposed whom for the turn under way, as lines across the table. */
function Ballots({ state, discussion }: { state: ArenaState; discussion: Discussion }): ReactNode {
  const places = discussion.participants.length;
  const lines = linesOf(proposalsNow(state, discussion), discussion);
  if (lines.length === 0) return null;
  return (
    <svg className="ballots" viewBox="-100 -100 200 200" preserveAspectRatio="none" aria-hidden="true">
      {lines.map(({ from, to, hue }) => {
        const [a, b] = [round(from, places), round(to, places)];
        return (
          <path
            key={`${from}-${to}`}
            className={`hue-${hue}`}
            d={`M${a.x * 86} ${a.y * 78}Q${(a.x + b.x) * 12} ${(a.y + b.y) * 12} ${b.x * 86} ${b.y * 78}`}
          />
        );
      })}
    </svg>
  );
}

/** A long row is moved so that whoever has the word is seen; the page itself stays where it is. */
function useKeepInView(row: React.RefObject<HTMLUListElement | null>, index: number, whole: boolean): void {
  useEffect(() => {
    const seat = row.current?.children[index];
    if (whole || !row.current || !(seat instanceof HTMLElement)) return;
    const middle = seat.offsetLeft - (row.current.clientWidth - seat.offsetWidth) / 2;
    const calm = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
    row.current.scrollTo({ left: middle, behavior: calm ? 'instant' : 'smooth' });
  }, [row, index, whole]);
}
