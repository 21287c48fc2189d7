import { uuidv7 } from '../../../lib/ids.ts';
import type { Tx } from '../../../platform/db/queries.ts';
import { AppError } from '../../../platform/http/errors.ts';
import { validationFailed } from '../../../platform/http/validation.ts';
import { announceStart, type CreateDeps, unbegun } from '../create.ts';
import { missing } from '../interventions/enter.ts';
import { copySummary } from '../memory/store.ts';
import { fault } from '../participants.ts';
import { EMPTY, fold, type State } from '../rules/fold.ts';
import { limitReached } from '../rules/limits.ts';
import { heardIn, type KeptPolicy, settlePolicy } from '../rules/policies.ts';
import type { By } from '../schemas.ts';
import { Stage } from '../stage.ts';
import * as store from '../store.ts';
import { copyTurns } from '../turns/store.ts';
import type { ForkDiscussion } from './schemas.ts';
import {
  copyEntries,
  type EntryMetadata,
  type EntryRow,
  entriesBetween,
  entryOfMessage,
  factOf,
  factsBetween,
  turnsUpTo,
} from './store.ts';

/** Entries that are read, and copied in one statement; fewer where texts are read too, and are long. */
const PAGE = 200;

type Asked = { readonly id: string; readonly input: ForkDiscussion; readonly by: By; readonly now: Date };

/**
 * A new discussion that begins with the log of another up to a message. Entries are never changed, so the other needs no
 * lock, whatever goes on in it; participants keep their ids, so folding the copy gives what folding the original gave.
 */
export async function forkDiscussion(
  deps: CreateDeps,
  tx: Tx,
  { id: from, input, by, now }: Asked,
): Promise<store.DiscussionRow> {
  const source = await store.findDiscussion(tx, from);
  if (!source) throw missing();
  const lastEntry = await entryOfMessage(tx, from, input.seq);
  if (lastEntry === undefined) {
    const message = `must be a message of the discussion: it has ${source.last_seq}`;
    throw validationFailed([fault('seq', 'exists', message)]);
  }
  const policy = policyOf(source, input);
  const agentIds = await usableAgents(deps, tx, { source, policy });
  const id = uuidv7();
  const row: store.DiscussionRow = {
    ...source,
    ...unbegun(now),
    ...{ id, policy, last_entry: lastEntry, last_seq: input.seq },
    topic: input.topic ?? source.topic,
    limits: { ...source.limits, ...input.limits },
    on_post: input.on_post ?? source.on_post,
    memory: { ...source.memory, ...input.memory },
    context: await existing(deps, tx, source.context),
    forked_from: { discussion_id: from, seq: input.seq, turns: await turnsUpTo(tx, from, lastEntry) },
    created_by: by,
  };
  await store.insertDiscussion(tx, row);
  row.state = await copyLog(tx, { from, to: row, heardAnew: input.policy !== undefined });
  refuseReached(row);
  await copyTurns(tx, { from, to: id, last: row.state.turns });
  await copySummary(tx, { from, to: id, upTo: input.seq });
  await deps.agents.hold(tx, agentIds, `discussions/${id}`);
  const stage = new Stage(deps, tx, { row, now });
  if (input.start === false) stage.preview();
  else {
    announceStart(tx, id, by);
    await stage.next();
  }
  await stage.save();
  return row;
}

function policyOf({ policy, participants }: store.DiscussionRow, { policy: asked }: ForkDiscussion): KeptPolicy {
  if (!asked) return policy;
  const settled = settlePolicy(asked, participants);
  if ('policy' in settled) return settled.policy;
  throw validationFailed([fault(`policy.${settled.fault.path}`, 'policy', settled.fault.message)]);
}

/** The agents of the fork, which must all be there and in use: an archived one takes part in nothing new. */
async function usableAgents(
  { agents }: CreateDeps,
  tx: Tx,
  { source, policy }: { source: store.DiscussionRow; policy: KeptPolicy },
): Promise<string[]> {
  const wanted = new Map(source.participants.flatMap((p) => (p.agent_id === null ? [] : [[p.agent_id, p.name]])));
  const moderator = 'agent_id' in policy ? policy.agent_id : undefined;
  if (moderator !== undefined && !wanted.has(moderator)) wanted.set(moderator, 'the moderator');
  const ids = [...wanted.keys()];
  const active = new Set((await agents.find(tx, ids)).filter((a) => a.status === 'active').map((a) => a.id));
  const gone = ids.filter((id) => !active.has(id)).map((id) => ({ agent_id: id, name: wanted.get(id) as string }));
  if (gone.length === 0) return ids;
  throw new AppError('conflict', {
    message: `A fork needs agents that are archived or deleted: ${gone.map(({ name }) => name).join(', ')}.`,
    details: { agents: gone },
  });
}

/** The context without documents that were deleted meanwhile. */
async function existing({ knowledge }: CreateDeps, tx: Tx, context: store.DiscussionRow['context']) {
  const ids = context.map(({ document_id }) => document_id);
  const known = new Set((await knowledge.excerpts(tx, ids, 0)).map(({ id }) => id));
  return context.filter(({ document_id }) => known.has(document_id));
}

/** Tokens, costs and time count anew; turns are part of the log. */
function refuseReached({ limits, state: { turns } }: store.DiscussionRow): void {
  const name = limitReached(limits, { turns, tokens: 0, costNanoUsd: 0, elapsedMs: 0 });
  if (name === null) return;
  const message = `must be more than ${turns}: so many turns are taken over`;
  throw validationFailed([fault(`limits.${name}`, 'reached', message)]);
}

type Copying = { readonly from: string; readonly to: store.DiscussionRow; readonly heardAnew: boolean };

/** Copies the log page by page, and folds it on the way. A new policy hears in every entry what it would have heard. */
async function copyLog(tx: Tx, { from, to, heardAnew }: Copying): Promise<State> {
  const upTo = to.last_entry;
  let state = EMPTY;
  let after = 0;
  while (after < upTo) {
    const range = { after, upTo, limit: PAGE };
    const metadata: EntryMetadata[] = [];
    let copied = 0;
    if (heardAnew) {
      for (const entry of await entriesBetween(tx, from, range)) {
        const heard = hearAnew(to, entry, state);
        state = fold(state, factOf(heard));
        metadata.push(heard.metadata);
      }
      copied = metadata.length;
    } else {
      const facts = await factsBetween(tx, from, range);
      state = facts.reduce(fold, state);
      copied = facts.length;
    }
    const ids = Array.from({ length: copied }, () => uuidv7());
    await copyEntries(tx, { from, to: to.id, after, ids, ...(heardAnew && { metadata }) });
    after += copied;
  }
  return state;
}

function hearAnew({ policy, participants }: store.DiscussionRow, entry: EntryRow, state: State): EntryRow {
  if (entry.kind !== 'message' && entry.kind !== 'turn_end') return entry;
  const { calls: _calls, cues: _cues, edge: _edge, verdict: _verdict, ...metadata } = entry.metadata;
  const { kind, turn, author, content: text } = entry;
  const utterance = { turn, participantId: author.participant_id, text, silent: kind === 'turn_end' };
  return { ...entry, metadata: { ...metadata, ...heardIn(policy, utterance, { participants, state }) } };
}
