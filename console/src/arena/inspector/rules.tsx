import type { Discussion } from '@parley/sdk';
import type { ReactNode } from 'react';
import { clock, count, plural } from '../../lib/format.ts';
import { useResource } from '../../lib/resource.tsx';
import { useClient } from '../../lib/session.tsx';
import { Graph } from '../../ui/graph.tsx';
import { ErrorNote, Skeleton } from '../../ui/states.tsx';
import type { ArenaState } from '../state.ts';
import { hueIn, nameOf, ON_POST, policyName, policyText } from '../words.ts';

type RulesProps = { state: ArenaState; discussion: Discussion };

/** By which rules: who speaks when, what ends it, what an interjection does, and what the speakers remember. */
export function Rules({ state, discussion }: RulesProps): ReactNode {
  const { limits, on_post, on_turn_failure } = discussion;
  return (
    <>
      <section>
        <h2>{policyName(discussion.policy)}</h2>
        <p>{policyText(discussion)}</p>
        <Drawn state={state} discussion={discussion} />
      </section>
      <section>
        <h2>Limits</h2>
        <dl className="figures">
          <Limit label="Turns" text={count(limits.max_turns)} />
          {limits.max_tokens !== undefined && <Limit label="Tokens" text={count(limits.max_tokens)} />}
          {limits.max_cost_usd !== undefined && <Limit label="Cost" text={`$${limits.max_cost_usd}, then it pauses`} />}
          {limits.max_seconds !== undefined && <Limit label="Time" text={clock(limits.max_seconds)} />}
          <Limit label="One turn" text={`${count(limits.turn_timeout_seconds)} s`} />
        </dl>
      </section>
      <section>
        <h2>When somebody speaks up</h2>
        <p>
          <strong>{ON_POST[on_post].title}.</strong> {ON_POST[on_post].text}
        </p>
        <p className="faint">
          {on_turn_failure === 'skip' ? 'A turn that fails is skipped.' : 'A turn that fails pauses the discussion.'}
        </p>
      </section>
      <Memory discussion={discussion} />
    </>
  );
}

function Limit({ label, text }: { label: string; text: string }): ReactNode {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{text}</dd>
    </div>
  );
}

/** The policies that have a shape, drawn. */
function Drawn({ state, discussion }: RulesProps): ReactNode {
  const { policy, participants } = discussion;
  const current = state.live?.participantId ?? discussion.next_speaker?.participant_id;
  if (policy.type === 'graph') {
    const speakers = participants.map(({ id, name, kind }) => ({ id, name, kind, hue: hueIn(discussion, id) }));
    return <Graph speakers={speakers} edges={policy.edges} start={policy.start} current={current} />;
  }
  if (policy.type === 'priority') {
    const most = Math.max(...policy.weights.map(({ weight }) => weight));
    return (
      <ul className="weights">
        {policy.weights.map(({ participant_id, weight }) => (
          <li key={participant_id} className={`hue-${hueIn(discussion, participant_id)}`}>
            <span dir="auto">{nameOf(discussion, participant_id)}</span>
            <i style={{ width: `${(weight / most) * 100}%` }} aria-hidden="true" />
            <span className="share-number">{weight}</span>
          </li>
        ))}
      </ul>
    );
  }
  if (policy.type === 'debate') {
    return (
      <div className="sides">
        {policy.sides.map((side) => (
          <div key={side.name}>
            <h3 dir="auto">{side.name}</h3>
            <ul>
              {side.participants.map((id) => (
                <li key={id} className={`hue-${hueIn(discussion, id)}`}>
                  <span className="dot" /> <span dir="auto">{nameOf(discussion, id)}</span>
                </li>
              ))}
            </ul>
          </div>
        ))}
        <div className="judge">
          <h3>Judge</h3>
          <p className={`hue-${hueIn(discussion, policy.judge)}`}>
            <span className="dot" /> <span dir="auto">{nameOf(discussion, policy.judge)}</span>
          </p>
        </div>
      </div>
    );
  }
  return null;
}

/** What the speakers are given to remember by, and the summary so far. */
function Memory({ discussion }: { discussion: Discussion }): ReactNode {
  const client = useClient();
  const { window, summary, retrieval } = discussion.memory;
  const { data, error, reload } = useResource(
    `memory/${discussion.id}/${summary ? Math.floor(discussion.messages / 5) : 0}`,
    (signal) => client.discussions.memory(discussion.id, { signal }),
  );
  return (
    <section>
      <h2>Memory</h2>
      <p>
        The last {plural(window, 'message')} word for word
        {summary ? ', before them a summary that goes along' : ', nothing of what was before'}
        {retrieval > 0 ? `, and up to ${plural(retrieval, 'passage')} looked up for each turn` : ''}.
      </p>
      {summary && error !== undefined && <ErrorNote error={error} retry={reload} />}
      {summary && data === undefined && error === undefined && <Skeleton rows={2} />}
      {data?.summary && (
        <details className="fold">
          <summary>The summary, up to message {count(data.summary.up_to_seq)}</summary>
          <p className="given-text">{data.summary.text}</p>
          <p className="faint">
            {data.summary.model}, {count(data.summary.usage.input_tokens + data.summary.usage.output_tokens)} tokens
          </p>
        </details>
      )}
      {summary && data && !data.summary && <p className="faint">Nothing has been summed up yet.</p>}
    </section>
  );
}
