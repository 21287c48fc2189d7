import type { Discussion, Turn } from '@parley/sdk';
import { type KeyboardEvent, type ReactNode, useRef } from 'react';
import { duration, plural } from '../../lib/format.ts';
import { Button } from '../../ui/controls.tsx';
import type { ArenaState } from '../state.ts';
import { hueIn, reasonText, turnStatusText } from '../words.ts';
import { Score } from './score.tsx';

/** What did not go the usual way is said. */
const ODD: ReadonlySet<string> = new Set(['failed', 'skipped', 'interrupted', 'cancelled', 'paused', 'waiting']);

type TurnsProps = {
  state: ArenaState;
  discussion: Discussion;
  onTurn(turn: number): void;
  onOlder(): void;
};

/** Every turn, the newest first: whose, why, and how it went. Up and down go from one to the next, Enter looks into it. */
export function Turns({ state, discussion, onTurn, onOlder }: TurnsProps): ReactNode {
  const list = useRef<HTMLOListElement>(null);
  const turns = [...state.turns].reverse();
  const walk = (event: KeyboardEvent): void => {
    const buttons = [...(list.current?.querySelectorAll<HTMLElement>('button.turn-open') ?? [])];
    const at = buttons.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    buttons[Math.max(0, Math.min(buttons.length - 1, to))]?.focus();
  };
  if (turns.length === 0)
    return <p className="panel-empty">No turn has begun yet. Each will say here why it was whose.</p>;
  const longest = Math.max(1, ...turns.map((turn) => lasted(turn) ?? 0));
  return (
    <section aria-label="Turns">
      <Score turns={state.turns} discussion={discussion} />
      <ol className="turns" ref={list} onKeyDown={walk} reversed start={turns[0]?.turn}>
        {turns.map((turn) => (
          <Row key={turn.turn} turn={turn} discussion={discussion} longest={longest} onTurn={onTurn} />
        ))}
      </ol>
      {state.olderTurns !== 'none' && (
        <Button look="quiet" busy={state.olderTurns === 'loading'} onClick={onOlder}>
          {state.olderTurns === 'failed' ? 'Earlier turns could not be fetched. Try again' : 'Earlier turns'}
        </Button>
      )}
    </section>
  );
}

export const lasted = ({ started_at, ended_at }: Turn): number | undefined =>
  ended_at === null ? undefined : Date.parse(ended_at) - Date.parse(started_at);

type RowProps = { turn: Turn; discussion: Discussion; longest: number; onTurn(turn: number): void };

function Row({ turn, discussion, longest, onTurn }: RowProps): ReactNode {
  const took = lasted(turn);
  const first = turn.time_to_first_token_ms;
  const share = (ms: number): string => `${Math.max(1, (ms / longest) * 100)}%`;
  return (
    <li className={`turn-row turn-${turn.status} hue-${hueIn(discussion, turn.participant_id)}`}>
      <button type="button" className="turn-open" onClick={() => onTurn(turn.turn)}>
        <span className="turn-index">{turn.turn}</span>
        <span className="turn-body">
          <strong dir="auto">{turn.name}</strong> <span className="faint">{reasonText(turn.reason)}</span>
          <span className="turn-tags">
            {ODD.has(turn.status) && (
              <span className={turn.status === 'waiting' || turn.status === 'paused' ? 'tag' : 'tag tag-bad'}>
                {turnStatusText(turn.status)}
              </span>
            )}
            {turn.attempts > 1 && <span className="tag">{turn.attempts} attempts</span>}
            <Chosen turn={turn} discussion={discussion} />
          </span>
          {took !== undefined && (
            <span className="turn-time">
              <span className="turn-bar" aria-hidden="true">
                <i style={{ width: share(took) }} />
                {first !== null && <b style={{ width: share(Math.min(first, took)) }} />}
              </span>
              <span className="faint">{duration(took)}</span>
            </span>
          )}
        </span>
      </button>
    </li>
  );
}

/** What the choice came of: a mark for each ballot, filled where it won, crossed where it did not count. */
function Chosen({ turn, discussion }: { turn: Turn; discussion: Discussion }): ReactNode {
  const ballots = turn.proposals.filter(({ kind }) => kind === 'ballot');
  const others = turn.proposals.filter(({ kind }) => kind !== 'ballot');
  const won = ballots.filter(({ refused, choice }) => refused === null && choice === turn.participant_id);
  const spoilt = ballots.filter(({ refused }) => refused !== null);
  const rest = ballots.filter((ballot) => !won.includes(ballot) && !spoilt.includes(ballot));
  const marks = (of: Turn['proposals'], look: string): ReactNode =>
    of.map(({ by, participant_id }) => (
      <i key={`${look}${by}`} className={`${look} hue-${hueIn(discussion, participant_id)}`} />
    ));
  const told = `${won.length} of ${plural(ballots.length, 'ballot')} for ${turn.name}, ${spoilt.length} spoilt`;
  return (
    <>
      {ballots.length > 0 && (
        <span className="ballot-marks" role="img" aria-label={told} title={told}>
          {marks(won, 'won')}
          {marks(rest, 'lost')}
          {marks(spoilt, 'spoilt')}
        </span>
      )}
      {others.map(({ kind, by, refused }) => (
        <span key={kind + by} className={refused === null ? 'tag' : 'tag tag-bad'}>
          {refused === null ? 'proposed' : 'refused proposal'} by {by}
        </span>
      ))}
    </>
  );
}
