import type { Discussion, Participant } from '@parley/sdk';
import type { CSSProperties, ReactNode } from 'react';
import { plural, words } from '../lib/format.ts';
import { GUEST, huesAt } from '../lib/speakers.ts';
import { Avatar } from '../ui/avatar.tsx';
import { type ArenaState, heard, isOpen, onStage } from './state.ts';
import { useVoices } from './voices.ts';

type Seat = {
  participant: Participant;
  hue: number;
  role: 'speaking' | 'next' | 'thinking' | 'waiting' | 'quiet';
  said: number;
};

/** Participants in their order, each with a colour of its own; who only interjects has none. */
export function hueIn(discussion: Discussion, participantId: string | null | undefined): number {
  const place = discussion.participants.findIndex((participant) => participant.id === participantId);
  return huesAt(discussion.participants.map(({ name }) => name))[place] ?? GUEST;
}

function seatsOf(state: ArenaState, discussion: Discussion, voices: ReadonlyMap<string | null, number>): Seat[] {
  const stage = onStage(state);
  return discussion.participants.map((participant) => {
    const said = voices.get(participant.id) ?? 0;
    const here = stage?.participantId === participant.id;
    const streaming = here && stage.speaking && state.live !== undefined;
    const now = streaming && state.live ? words(heard(state.live)) : 0;
    let role: Seat['role'] = 'quiet';
    if (here && discussion.status === 'waiting') role = 'waiting';
    else if (streaming) role = now > 0 ? 'speaking' : 'thinking';
    else if (here && isOpen(discussion)) role = discussion.status === 'running' ? 'thinking' : 'next';
    return { participant, hue: hueIn(discussion, participant.id), role, said: said + now };
  });
}

const SAYS: Record<Seat['role'], string> = {
  speaking: 'speaking',
  thinking: 'preparing',
  waiting: 'is asked',
  next: 'next',
  quiet: '',
};

/** How far a seat stands back: the table's edge is a shallow arc. */
const arc = (index: number, seats: number): CSSProperties => {
  const x = seats < 2 ? 0 : (index / (seats - 1)) * 2 - 1;
  return { '--back': `${Math.round((1 - x * x) * 18)}px` } as CSSProperties;
};

/** The speakers round their table: who has the word, who is next. */
export function Stage({ state, discussion }: { state: ArenaState; discussion: Discussion }): ReactNode {
  const seats = seatsOf(state, discussion, useVoices(state.messages));
  return (
    <section className="stage" aria-label="Speakers">
      <ul className="seats">
        {seats.map(({ participant, hue, role, said }, index) => (
          <li key={participant.id} className={`seat seat-${role} hue-${hue}`} style={arc(index, seats.length)}>
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
            </span>
            <strong>{participant.name}</strong>
            <span className="seat-note">{SAYS[role] || (said > 0 ? plural(said, 'word') : 'listening')}</span>
          </li>
        ))}
      </ul>
      <svg className="table-edge" viewBox="0 0 600 40" preserveAspectRatio="none" aria-hidden="true">
        <path d="M0 38 Q300 -18 600 38" />
      </svg>
    </section>
  );
}

/** Whose turn it is and why, in one sentence. */
export function TurnLine({ state, discussion }: { state: ArenaState; discussion: Discussion }): ReactNode {
  const stage = onStage(state);
  const speaker = discussion.participants.find((participant) => participant.id === stage?.participantId);
  const { status, status_reason } = discussion;
  if (status === 'completed') return <Line>The discussion is over{because(status_reason)}.</Line>;
  if (status === 'cancelled') return <Line>The discussion was cancelled{because(status_reason)}.</Line>;
  if (status === 'failed') return <Line tone="bad">The discussion failed{because(status_reason)}.</Line>;
  if (status === 'created') return <Line>Ready. {speaker ? `${speaker.name} would open.` : ''}</Line>;
  if (!speaker || !stage) return <Line>{status === 'paused' ? 'Paused.' : 'Choosing who speaks next…'}</Line>;
  const name = <strong className={`hue-${hueIn(discussion, speaker.id)}`}>{speaker.name}</strong>;
  const why = stage.reason ? <span className="why"> — {reasonText(stage.reason)}</span> : null;
  if (status === 'paused') {
    return (
      <Line tone="warn">
        Paused{because(status_reason)}. {name} is next{why}
      </Line>
    );
  }
  const turn = <span className="turn-number">Turn {state.live?.turn ?? discussion.turn}</span>;
  if (status === 'waiting') {
    return (
      <Line tone="warn">
        {turn} Waiting for {name}
        {why}
      </Line>
    );
  }
  return (
    <Line>
      {turn} {name} {state.live && heard(state.live) !== '' ? 'is speaking' : 'is preparing'}
      {why}
    </Line>
  );
}

function Line({ children, tone = 'plain' }: { children: ReactNode; tone?: 'plain' | 'warn' | 'bad' }): ReactNode {
  return <p className={`turn-line turn-line-${tone}`}>{children}</p>;
}

const because = (reason: string | null): string => (reason ? `: ${reasonText(reason)}` : '');

/** Reasons come as words of the protocol (`max_turns`) or as sentences; both become a part of a sentence. */
export function reasonText(reason: string): string {
  const known: Record<string, string> = {
    max_turns: 'all its turns are taken',
    max_tokens: 'its tokens are spent',
    max_cost_usd: 'its budget is spent',
    max_seconds: 'its time is up',
    requested: 'somebody asked for it',
  };
  if (known[reason]) return known[reason];
  if (/^[a-z_]+$/.test(reason)) return reason.replaceAll('_', ' ');
  return reason.charAt(0).toLowerCase() + reason.slice(1).replace(/\.$/, '');
}
