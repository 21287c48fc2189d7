import type { Discussion } from '@parley/sdk';
import { type CSSProperties, type ReactNode, type RefObject, useEffect, useRef, useState } from 'react';
import { clock, plural } from '../../lib/format.ts';
import { Avatar } from '../../ui/avatar.tsx';
import type { ArenaState } from '../state.ts';
import { useNow } from '../use-arena.ts';
import { useMedia } from '../view.ts';
import { useVoices } from '../voices.ts';
import { remaining } from '../words.ts';
import { Centre } from './centre.tsx';
import { linesOf, type Place, placesOf, proposalsNow, type Role, waysOf } from './roles.ts';
import { arc, type Bench, benchesOf, type Spot, spotsOf } from './seating.ts';

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
  const places = new Map(
    placesOf(state, discussion, useVoices(state.messages)).map((place) => [place.participant.id, place]),
  );
  const benches = benchesOf(discussion);
  const spots = spotsOf(discussion);
  const narrow = useMedia('(width < 56rem)');
  const row = useRef<HTMLDivElement>(null);
  const active = [...places.values()].find(({ role }) => ACTIVE.has(role))?.participant.id;
  useKeepInView(row, active, whole);
  const scrolls = useOverflow(row, places.size);
  const look = [
    'stage',
    whole && 'stage-whole',
    places.size > 14 ? 'stage-crowd' : places.size > 8 && 'stage-many',
    benches.length > 1 && 'stage-sides',
  ];
  const order = benches.flatMap(({ ids }) => ids);
  const side = (id: string): string | undefined => benches.find(({ ids }) => ids.includes(id))?.label;
  const seat = (id: string): ReactNode => {
    const place = places.get(id);
    if (!place) return null;
    const style = { ...where(spots.get(id)), '--back': arc(order.indexOf(id), order.length).toFixed(4) };
    return (
      <li key={id} data-id={id} className={`seat seat-${place.role} hue-${place.hue}`} style={style as CSSProperties}>
        <Seat place={place} discussion={discussion} side={whole ? side(id) : undefined} onChoose={onChoose} />
      </li>
    );
  };
  return (
    // On a narrow screen the whole table scrolls: so it can be reached by keyboard.
    <section
      className={look.filter(Boolean).join(' ')}
      aria-label="Speakers"
      tabIndex={whole && narrow ? 0 : undefined}
    >
      {whole && <Lines state={state} discussion={discussion} spots={spots} />}
      {/* A row that scrolls can be reached by keyboard. */}
      <div className={scrolls && !whole ? 'seats seats-scroll' : 'seats'} ref={row} tabIndex={scrolls ? 0 : undefined}>
        {benches.map((bench) => (
          <Together key={bench.label ?? ''} bench={bench} seat={seat} />
        ))}
      </div>
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

const ACTIVE: ReadonlySet<Role> = new Set(['speaking', 'thinking', 'waiting']);

/** Those who sit together, under what they are together. */
function Together({ bench, seat }: { bench: Bench; seat(id: string): ReactNode }): ReactNode {
  const { label, ids } = bench;
  if (label === undefined) return <ul className="bench">{ids.map(seat)}</ul>;
  return (
    <div className="bench-side" style={{ '--n': ids.length } as CSSProperties}>
      <p className="bench-label" title={label} dir="auto" aria-hidden="true">
        {label}
      </p>
      <ul className="bench" aria-label={label}>
        {ids.map(seat)}
      </ul>
    </div>
  );
}

function where(spot: Spot | undefined): Record<string, string> {
  return spot ? { '--x': spot.x.toFixed(4), '--y': spot.y.toFixed(4) } : {};
}

const SAYS: Record<Role, string> = {
  speaking: 'speaking',
  thinking: 'preparing',
  waiting: 'is awaited',
  asked: 'is asked',
  next: 'next',
  passed: 'passed',
  quiet: '',
};

type SeatProps = {
  place: Place;
  discussion: Discussion;
  /** Told here where no label over them tells it. */
  side: string | undefined;
  onChoose: ((participantId: string) => void) | undefined;
};

function Seat({ place, discussion, side, onChoose }: SeatProps): ReactNode {
  const { participant, number, hue, role, passed, proposedBy } = place;
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
          {role === 'passed' && passed}
          {role !== 'waiting' && role !== 'passed' && (SAYS[role] || (side ?? quietText(place)))}
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

const KINDS = { agent: 'listening', user: 'a person', seat: 'a seat' } as const;

const quietText = ({ said, participant }: Place): string => (said > 0 ? plural(said, 'word') : KINDS[participant.kind]);

/** Whose ballots were for this one: a mark for each, in their colours. */
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

type LinesProps = { state: ArenaState; discussion: Discussion; spots: ReadonlyMap<string, Spot> };

/** Lines across the table: who proposed whom for the turn under way, or the ways of the graph. */
function Lines({ state, discussion, spots }: LinesProps): ReactNode {
  const proposed = linesOf(proposalsNow(state, discussion), discussion);
  const ways = waysOf(state, discussion);
  if (proposed.length + ways.length === 0) return null;
  const path = ({ from, to }: { from: string; to: string }): string => {
    const [a, b] = [spots.get(from), spots.get(to)];
    if (!a || !b) return '';
    return `M${a.x * 86} ${a.y * 78}Q${(a.x + b.x) * 12} ${(a.y + b.y) * 12} ${b.x * 86} ${b.y * 78}`;
  };
  return (
    <svg className="ballots" viewBox="-100 -100 200 200" preserveAspectRatio="none" aria-hidden="true">
      {ways.map((way, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a policy's edges stay as they are
        <path key={`way-${index}`} className={way.open ? `way-open hue-${way.hue}` : 'way'} d={path(way)} />
      ))}
      {proposed.map((line) => (
        <path key={`${line.from}-${line.to}`} className={`hue-${line.hue}`} d={path(line)} />
      ))}
    </svg>
  );
}

/** A long row is moved so that whoever has the word is seen; the page itself stays where it is. */
function useKeepInView(row: RefObject<HTMLElement | null>, id: string | undefined, whole: boolean): void {
  useEffect(() => {
    if (whole || !row.current || id === undefined) return;
    const seat = row.current.querySelector(`[data-id="${CSS.escape(id)}"]`);
    if (!(seat instanceof HTMLElement)) return;
    const middle = seat.offsetLeft - (row.current.clientWidth - seat.offsetWidth) / 2;
    const calm = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
    row.current.scrollTo({ left: middle, behavior: calm ? 'instant' : 'smooth' });
  }, [row, id, whole]);
}

/** Whether the row is longer than its room. */
function useOverflow(row: RefObject<HTMLElement | null>, places: number): boolean {
  const [over, setOver] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: with more places the row is longer
  useEffect(() => {
    const element = row.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setOver(element.scrollWidth > element.clientWidth + 1));
    observer.observe(element);
    return () => observer.disconnect();
  }, [row, places]);
  return over;
}
