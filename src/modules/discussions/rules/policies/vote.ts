import { type Static, Type } from 'typebox';
import { afterLast, byRule, type TurnPolicy } from '../policy.ts';
import { readAnswer } from './names.ts';

const type = Type.Literal('vote');
const Asked = Type.Object({ type }, { additionalProperties: false, title: 'Vote' });
const Kept = Type.Object({ type }, { title: 'VotePolicy' });

/**
 * The agents vote on who speaks next. Most ballots win; of equals, whoever has had the fewest turns, then the first in
 * the list.
 */
export const vote: TurnPolicy<Static<typeof Asked>, Static<typeof Kept>> = {
  type: 'vote',
  asked: Asked,
  kept: Kept,
  settle: (asked) => ({ policy: asked }),

  next(_policy, participants, state) {
    const [only] = participants;
    if (only && participants.length === 1) {
      return { kind: 'speak', participantId: only.id, reason: 'The only participant.' };
    }
    const voters = participants.filter((p) => p.kind === 'agent');
    if (voters.length === 0) return { kind: 'speak', ...byRule('Nobody can vote', afterLast(participants, state)) };
    if (state.ballots === null) {
      return { kind: 'ask', who: voters.map((p) => ({ agentId: p.agent_id as string, voter: p.id })) };
    }
    const cast = Object.values(state.ballots);
    const counts = participants.map((p) => ({
      id: p.id,
      votes: cast.filter((choice) => choice === p.id).length,
      taken: state.taken[p.id] ?? 0,
    }));
    const valid = counts.reduce((all, { votes }) => all + votes, 0);
    if (valid === 0) return { kind: 'speak', ...byRule('No ballot counts', afterLast(participants, state)) };
    const most = Math.max(...counts.map(({ votes }) => votes));
    const best = counts.filter(({ votes }) => votes === most);
    const fewest = Math.min(...best.map(({ taken }) => taken));
    const winners = best.filter(({ taken }) => taken === fewest);
    const tie = best.length === 1 ? '' : winners.length === 1 ? ', tied: had fewer turns' : ', tied: first in order';
    const spoilt = cast.length - valid;
    const rest = spoilt === 0 ? '' : ` ${spoilt} ${spoilt === 1 ? 'does' : 'do'} not count.`;
    const reason = `${most} of ${cast.length} ${cast.length === 1 ? 'ballot' : 'ballots'}${tie}.${rest}`;
    return { kind: 'speak', participantId: (winners[0] as { id: string }).id, reason };
  },

  dispose(answer, { participants, voter }) {
    const named = readAnswer(answer, participants);
    if (typeof named === 'string') return { kind: 'ballot', choice: null, refused: named };
    if (named.id === voter) return { kind: 'ballot', choice: null, refused: 'names_oneself' };
    return { kind: 'ballot', choice: named.id, refused: null };
  },
};
