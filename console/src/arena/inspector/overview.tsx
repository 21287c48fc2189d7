import type { Discussion } from '@parley/sdk';
import type { ReactNode } from 'react';
import { bytes, clock, cost, count, plural, roughTokens } from '../../lib/format.ts';
import { Link } from '../../lib/router.tsx';
import { useCan } from '../../lib/session.tsx';
import { Icon } from '../../ui/icon.tsx';
import { type ArenaState, heard, isOpen } from '../state.ts';
import { useNow } from '../use-arena.ts';
import { useVoices } from '../voices.ts';
import { hueIn } from '../words.ts';
import { Charts } from './charts.tsx';

type OverviewProps = { state: ArenaState; discussion: Discussion };

/** What it takes, who has how much of the word, over which texts. */
export function Overview(props: OverviewProps): ReactNode {
  return (
    <>
      <Rehearsal {...props} />
      <Spent {...props} />
      <Charts turns={props.state.turns} discussion={props.discussion} />
      <Voices {...props} />
      <Texts {...props} />
      <Origin {...props} />
    </>
  );
}

/** Said once and plainly, beside the mark on every message. */
function Rehearsal({ state }: OverviewProps): ReactNode {
  const can = useCan();
  const last = state.messages.findLast(({ author }) => author.kind === 'agent');
  if (!last?.metadata.rehearsal) return null;
  return (
    <p className="rehearsal">
      <strong>This is a rehearsal.</strong> The words are composed by rule from the documents; no language model was
      asked. {can('providers:write') && <Link to="/settings/models">Connect one</Link>}
    </p>
  );
}

function Spent({ state, discussion }: OverviewProps): ReactNode {
  const { usage, limits } = discussion;
  const running = discussion.status === 'running' || discussion.status === 'waiting';
  const now = useNow(running);
  const since = running ? Math.max(0, (now - state.readAt) / 1000) : 0;
  const elapsed = usage.elapsed_seconds + since;
  const live = state.live ? roughTokens(heard(state.live)) : 0;
  const tokens = usage.input_tokens + usage.output_tokens + live;
  const spent = usage.cost_nano_usd;
  const open = isOpen(discussion);
  return (
    <section>
      <h2>So far</h2>
      <dl className="gauges">
        <Gauge
          {...{ open }}
          label="Turns"
          value={usage.turns}
          limit={limits.max_turns}
          text={count(usage.turns)}
          of={count}
        />
        <Gauge
          {...{ open }}
          label="Tokens"
          value={tokens}
          limit={limits.max_tokens}
          text={`${live > 0 ? '~' : ''}${count(tokens)}`}
          of={count}
        />
        <Gauge
          {...{ open }}
          label="Cost"
          value={spent / 1e9}
          limit={limits.max_cost_usd}
          text={cost(spent)}
          of={(usd) => `$${usd}`}
        />
        <Gauge {...{ open }} label="Time" value={elapsed} limit={limits.max_seconds} text={clock(elapsed)} of={clock} />
      </dl>
    </section>
  );
}

type GaugeProps = {
  label: string;
  value: number;
  limit: number | undefined;
  text: string;
  of(limit: number): string;
  /** More can be spent. */
  open: boolean;
};

/** How much of a limit is used: an arc that fills, and warns when it is nearly full. */
function Gauge({ label, value, limit, text, of, open }: GaugeProps): ReactNode {
  const part = limit === undefined ? 0 : Math.min(1, value / limit);
  // A limit that ended it was there to end it: nothing to warn of any more.
  const look = !open ? '' : part >= 1 ? ' gauge-full' : part >= 0.85 ? ' gauge-near' : '';
  return (
    <div className={`gauge${look}`}>
      <dt>{label}</dt>
      <dd>
        <svg viewBox="0 0 44 26" aria-hidden="true">
          <path d="M4 23A18 18 0 0 1 40 23" pathLength="1" className={limit === undefined ? 'gauge-open' : ''} />
          {part > 0 && <path d="M4 23A18 18 0 0 1 40 23" pathLength="1" strokeDasharray={`${part} 1`} />}
        </svg>
        <span className={text.length > 7 ? 'gauge-value gauge-long' : 'gauge-value'}>{text}</span>
        <span className="faint">{limit === undefined ? 'no limit' : `of ${of(limit)}`}</span>
      </dd>
    </div>
  );
}

/** Who has had how much of the word, of what is loaded. */
function Voices({ state, discussion }: OverviewProps): ReactNode {
  const voices = useVoices(state.messages);
  const shares = discussion.participants.map((participant) => ({ participant, said: voices.get(participant.id) ?? 0 }));
  const spoken = shares.filter(({ said }) => said > 0);
  const total = shares.reduce((sum, { said }) => sum + said, 0);
  const whole = state.messages.length >= discussion.messages;
  return (
    <section>
      <h2>Voices {!whole && <small>in the last {plural(state.messages.length, 'message')}</small>}</h2>
      {total > 0 && (
        <div className="share" aria-hidden="true">
          {spoken.map(({ participant, said }) => (
            <i key={participant.id} className={`hue-${hueIn(discussion, participant.id)}`} style={{ flexGrow: said }} />
          ))}
        </div>
      )}
      <ul className="voices">
        {shares.map(({ participant, said }) => (
          <li key={participant.id} className={`hue-${hueIn(discussion, participant.id)}`}>
            <span className="dot" />
            <span className="voice-name" dir="auto">
              {participant.name}
            </span>
            <span className="faint">{plural(said, 'word')}</span>
            <span className="share-number">{total > 0 ? `${Math.round((said / total) * 100)} %` : '–'}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Texts({ discussion }: OverviewProps): ReactNode {
  if (discussion.context.length === 0) return null;
  return (
    <section>
      <h2>On the table</h2>
      <ul className="texts">
        {discussion.context.map((text) => (
          <li key={text.title + (text.document_id ?? '')}>
            <Icon name="document" />
            <Link to={`/documents/${text.document_id}`}>{text.title}</Link>
            <span className="faint">{bytes(text.bytes)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Origin({ discussion }: OverviewProps): ReactNode {
  const { forked_from } = discussion;
  if (!forked_from) return null;
  return (
    <section>
      <h2>Where it comes from</h2>
      <p>
        <Icon name="fork" /> Forked after message {count(forked_from.seq)} of{' '}
        <Link to={`/discussions/${forked_from.discussion_id}?message=${forked_from.seq}`}>another discussion</Link>.
      </p>
    </section>
  );
}
