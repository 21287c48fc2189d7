import type { Discussion, Turn } from '@parley/sdk';
import { type ReactNode, useEffect, useRef } from 'react';
import { cost, count, duration, timeOfDay } from '../../lib/format.ts';
import { Avatar } from '../../ui/avatar.tsx';
import { Button, IconButton } from '../../ui/controls.tsx';
import { hueIn, nameOf, participantOf, refusedText, turnStatusText } from '../words.ts';
import { Context } from './context.tsx';
import { lasted } from './turns.tsx';

type TurnProps = {
  discussion: Discussion;
  turn: Turn;
  onBack(): void;
  onMessage(seq: number): void;
  onTurn(turn: number): void;
  last: number;
};

/** One turn in full: why it was whose, what was proposed, what it took, and what the speaker was given. */
export function TurnDetail({ discussion, turn, onBack, onMessage, onTurn, last }: TurnProps): ReactNode {
  const speaker = participantOf(discussion, turn.participant_id);
  const hue = hueIn(discussion, turn.participant_id);
  const title = useRef<HTMLHeadingElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another turn is another page of the panel
  useEffect(() => title.current?.focus({ preventScroll: true }), [turn.turn]);
  return (
    <article className="turn-detail">
      <nav className="turn-nav" aria-label="Turns">
        <Button look="quiet" icon="back" onClick={onBack}>
          All turns
        </Button>
        <IconButton icon="up" label="The turn before" disabled={turn.turn <= 1} onClick={() => onTurn(turn.turn - 1)} />
        <IconButton
          icon="chevron"
          label="The next turn"
          disabled={turn.turn >= last}
          onClick={() => onTurn(turn.turn + 1)}
        />
      </nav>
      <header className={`hue-${hue}`}>
        <Avatar name={turn.name} kind={speaker?.kind ?? 'agent'} hue={hue} />
        <div>
          <h2 ref={title} tabIndex={-1}>
            Turn {turn.turn}: <span dir="auto">{turn.name}</span>
          </h2>
          <p className="faint">
            {turnStatusText(turn.status)}, {timeOfDay(turn.started_at)}
          </p>
        </div>
      </header>
      <p className="turn-why">{turn.reason}</p>
      {turn.error && (
        <p className="turn-error">
          {turn.error.message} <code>{turn.error.code}</code>
        </p>
      )}
      {turn.message_seq !== null && (
        <Button icon="talk" onClick={() => onMessage(turn.message_seq ?? 0)}>
          To the message
        </Button>
      )}
      <Proposals turn={turn} discussion={discussion} />
      <Figures turn={turn} />
      {speaker?.kind !== 'user' && <Context discussion={discussion} turn={turn} onMessage={onMessage} />}
    </article>
  );
}

const KINDS = { moderator: 'The moderator’s proposal', ballot: 'Ballots', person: 'Named by a person' } as const;

/** What the choice came of: who proposed whom in which words, and why some of it did not count. */
function Proposals({ turn, discussion }: { turn: Turn; discussion: Discussion }): ReactNode {
  const [first] = turn.proposals;
  if (!first) return null;
  return (
    <section>
      <h3>{KINDS[first.kind]}</h3>
      <ol className="proposals">
        {turn.proposals.map((proposal, index) => {
          const choice = proposal.choice === null ? 'nobody' : nameOf(discussion, proposal.choice);
          return (
            <li
              // biome-ignore lint/suspicious/noArrayIndexKey: entries of a log that only grows
              key={index}
              className={`hue-${hueIn(discussion, proposal.participant_id)}${proposal.refused ? ' refused' : ''}`}
            >
              <p>
                <strong className="voice-name" dir="auto">
                  {proposal.by}
                </strong>{' '}
                <span aria-hidden="true">→</span> <span className="visually-hidden">for</span>{' '}
                <strong dir="auto">{proposal.refused && proposal.kind === 'ballot' ? 'spoilt' : choice}</strong>
              </p>
              {proposal.content !== '' && proposal.content.trim().toLowerCase() !== choice.toLowerCase() && (
                <q dir="auto">{proposal.content}</q>
              )}
              {proposal.refused && <p className="refusal">Did not count: it {refusedText(proposal.refused)}.</p>}
            </li>
          );
        })}
      </ol>
    </section>
  );
}

function Figures({ turn }: { turn: Turn }): ReactNode {
  const took = lasted(turn);
  const { input_tokens, output_tokens, cost_nano_usd } = turn.usage;
  const rows: [string, string | undefined][] = [
    ['First word after', turn.time_to_first_token_ms === null ? undefined : duration(turn.time_to_first_token_ms)],
    ['Whole turn', took === undefined ? undefined : duration(took)],
    ['Attempts', count(turn.attempts)],
    ['Tokens', input_tokens + output_tokens > 0 ? `${count(input_tokens)} in, ${count(output_tokens)} out` : undefined],
    ['Cost', input_tokens + output_tokens > 0 ? cost(cost_nano_usd) : undefined],
  ];
  return (
    <section>
      <h3>What it took</h3>
      <dl className="figures">
        {rows.map(([label, value]) =>
          value === undefined ? null : (
            <div key={label}>
              <dt>{label}</dt>
              <dd>{value}</dd>
            </div>
          ),
        )}
      </dl>
    </section>
  );
}
