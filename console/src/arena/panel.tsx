import type { Discussion, Policy } from '@parley/sdk';
import type { ReactNode } from 'react';
import { bytes, clock, cost, count, plural, roughTokens } from '../lib/format.ts';
import { Link } from '../lib/router.tsx';
import { useCan } from '../lib/session.tsx';
import { Icon } from '../ui/icon.tsx';
import { hueIn, reasonText } from './stage.tsx';
import { type ArenaState, heard } from './state.ts';
import { useNow } from './use-arena.ts';
import { useVoices } from './voices.ts';

type PanelProps = { state: ArenaState; discussion: Discussion };

/** What it takes, by which rule, over which texts. */
export function Panel(props: PanelProps): ReactNode {
  return (
    <aside className="panel" aria-label="About this discussion">
      <Rehearsal {...props} />
      <Spent {...props} />
      <Voices {...props} />
      <Rule {...props} />
      <Texts {...props} />
      <Turns {...props} />
    </aside>
  );
}

/** Said once and plainly, beside the mark on every message. */
function Rehearsal({ state }: PanelProps): ReactNode {
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

function Spent({ state, discussion }: PanelProps): ReactNode {
  const { usage, limits } = discussion;
  const running = discussion.status === 'running' || discussion.status === 'waiting';
  const now = useNow(running);
  const since = running ? Math.max(0, (now - Date.parse(discussion.updated_at)) / 1000) : 0;
  const elapsed = usage.elapsed_seconds + since;
  const live = state.live ? roughTokens(heard(state.live)) : 0;
  const tokens = usage.input_tokens + usage.output_tokens + live;
  return (
    <section>
      <h2>So far</h2>
      <dl className="meters">
        <Meter
          label="Turns"
          value={usage.turns}
          limit={limits.max_turns}
          text={count(usage.turns)}
          limitText={count(limits.max_turns ?? 0)}
        />
        <Meter
          label="Tokens"
          value={tokens}
          limit={limits.max_tokens}
          text={`${live > 0 ? '~' : ''}${count(tokens)}`}
          limitText={count(limits.max_tokens ?? 0)}
        />
        <Meter
          label="Cost"
          value={usage.cost_nano_usd / 1e9}
          limit={limits.max_cost_usd}
          text={cost(usage.cost_nano_usd)}
          limitText={`$${limits.max_cost_usd}`}
        />
        <Meter
          label="Time"
          value={elapsed}
          limit={limits.max_seconds}
          text={clock(elapsed)}
          limitText={clock(limits.max_seconds ?? 0)}
        />
      </dl>
    </section>
  );
}

function Meter(props: {
  label: string;
  value: number;
  limit: number | undefined | null;
  text: string;
  limitText: string;
}): ReactNode {
  const { label, value, limit, text, limitText } = props;
  return (
    <div className="meter">
      <dt>{label}</dt>
      <dd>
        <span className="meter-value">{text}</span>
        {typeof limit === 'number' && <span className="faint"> of {limitText}</span>}
        {typeof limit === 'number' && limit > 0 && (
          <progress max={limit} value={Math.min(value, limit)} aria-label={`${label}: ${text} of ${limitText}`} />
        )}
      </dd>
    </div>
  );
}

/** Who has had how much of the word. */
function Voices({ state, discussion }: PanelProps): ReactNode {
  const voices = useVoices(state.messages);
  const shares = discussion.participants.map((participant) => ({ participant, said: voices.get(participant.id) ?? 0 }));
  const total = shares.reduce((sum, { said }) => sum + said, 0);
  return (
    <section>
      <h2>Voices</h2>
      {total > 0 && (
        <div className="share" aria-hidden="true">
          {shares.map(({ participant, said }) => (
            <i key={participant.id} className={`hue-${hueIn(discussion, participant.id)}`} style={{ flexGrow: said }} />
          ))}
        </div>
      )}
      <ul className="voices">
        {shares.map(({ participant, said }) => (
          <li key={participant.id} className={`hue-${hueIn(discussion, participant.id)}`}>
            <span className="dot" />
            <span className="voice-name">
              {participant.agent_id ? (
                <Link to={`/agents/${participant.agent_id}`}>{participant.name}</Link>
              ) : (
                participant.name
              )}
            </span>
            <span className="faint">{participant.kind === 'user' ? 'person' : plural(said, 'word')}</span>
            <span className="share-number">{total > 0 ? `${Math.round((said / total) * 100)} %` : '–'}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Rule({ discussion }: PanelProps): ReactNode {
  const { policy } = discussion;
  return (
    <section>
      <h2>Rule</h2>
      <p className="rule">
        {policy.type === 'round_robin' ? (
          `Round robin: ${orderOf(discussion, policy).join(', ')}, and again.`
        ) : (
          <>
            Moderated: <Moderator discussion={discussion} policy={policy} /> proposes who speaks next.
          </>
        )}
      </p>
      <p className="rule faint">
        {discussion.on_post === 'interrupt'
          ? 'Interjections interrupt the speaker.'
          : 'Interjections wait for the speaker to finish.'}{' '}
        {discussion.on_turn_failure === 'skip' ? 'A failed turn is skipped.' : 'A failed turn pauses the discussion.'}
      </p>
    </section>
  );
}

const orderOf = (discussion: Discussion, { order }: Extract<Policy, { type: 'round_robin' }>): string[] =>
  order.map((id) => discussion.participants.find((participant) => participant.id === id)?.name ?? 'somebody');

type Moderated = Extract<Policy, { type: 'moderator' }>;

function Moderator({ discussion, policy }: { discussion: Discussion; policy: Moderated }): ReactNode {
  if (policy.agent_id === undefined) return policy.model ?? 'your team’s default model';
  const known = discussion.participants.find((participant) => participant.agent_id === policy.agent_id);
  return <Link to={`/agents/${policy.agent_id}`}>{known?.name ?? 'an agent'}</Link>;
}

function Texts({ discussion }: PanelProps): ReactNode {
  if (discussion.context.length === 0) return null;
  return (
    <section>
      <h2>On the table</h2>
      <ul className="texts">
        {discussion.context.map((text) => (
          <li key={text.title + (text.document_id ?? '')}>
            <Icon name="document" />
            {text.document_id ? (
              <Link to={`/documents/${text.document_id}`}>{text.title}</Link>
            ) : (
              <span>{text.title}</span>
            )}
            <span className="faint">{bytes(text.bytes)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What did not go the usual way is said. */
const ODD: ReadonlySet<string> = new Set(['failed', 'skipped', 'interrupted', 'cancelled']);

/** Every turn and why it was whose. */
function Turns({ state, discussion }: PanelProps): ReactNode {
  if (state.turns.length === 0) return null;
  const turns = [...state.turns].sort((a, b) => b.turn - a.turn);
  return (
    <section>
      <h2>Turns</h2>
      <ol className="turns" reversed start={turns[0]?.turn}>
        {turns.map((turn) => (
          <li key={turn.turn} className={`turn-row turn-${turn.status} hue-${hueIn(discussion, turn.participant_id)}`}>
            <span className="turn-index">{turn.turn}</span>
            <span>
              <strong>{turn.name}</strong> <span className="faint">{reasonText(turn.reason)}</span>
              {ODD.has(turn.status) && <span className="tag tag-bad">{turn.status}</span>}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
