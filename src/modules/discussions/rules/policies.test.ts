import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  answers,
  happenings,
  POLICIES,
  participantOf,
  participants,
  play,
  settle,
} from '../../../../test/support/policies.ts';
import { decide, type Situation } from './decide.ts';
import { EMPTY, type Fact, fold, type State } from './fold.ts';
import type { Limits } from './limits.ts';
import { type AskedPolicy, briefOf, nextSpeaker, settlePolicy } from './policies.ts';

const TYPES = Object.keys(POLICIES) as AskedPolicy['type'][];

/** Participants with a policy of this type; a debate needs two sides and a judge. */
const tableOf = (type: AskedPolicy['type']) =>
  participants
    .filter((those) => type !== 'debate' || those.length >= 3)
    .chain((those) => POLICIES[type](those).map((asked) => ({ participants: those, policy: settle(asked, those) })));

const games = (type: AskedPolicy['type']) => fc.record({ table: tableOf(type), happenings: happenings(), answers });

for (const type of TYPES) {
  test(`${type}: always one participant, or an end that is documented, whatever is said, answered and named`, () => {
    fc.assert(
      fc.property(games(type), ({ table, happenings, answers }) => {
        const { turns, ended } = play(table, happenings, answers);
        for (const { participantId, reason } of turns) {
          assert.equal(table.participants.filter((p) => p.id === participantId).length, 1);
          assert.ok(reason.length > 0 && reason.length < 500, reason);
        }
        const ends = { graph: ['end_of_graph'], debate: ['verdict', 'no_verdict'] }[type as string] ?? [];
        if (ended !== undefined) assert.ok(ends.includes(ended), ended);
      }),
    );
  });

  test(`${type}: the same log gives the same speaker, folded at once or entry by entry, as the row keeps it`, () => {
    fc.assert(
      fc.property(games(type), ({ table, happenings, answers }) => {
        const first = play(table, happenings, answers);
        assert.deepEqual(play(table, happenings, answers), first);
        const stepwise = first.log.reduce<State>((state, fact) => JSON.parse(JSON.stringify(fold(state, fact))), EMPTY);
        assert.deepEqual(stepwise, first.log.reduce(fold, EMPTY));
        assert.deepEqual(stepwise, first.state);
        const next = nextSpeaker(table.policy, table.participants, stepwise);
        assert.deepEqual(next, nextSpeaker(table.policy, table.participants, first.state));
      }),
    );
  });

  test(`${type}: whoever a person names has the turn, and only that one`, () => {
    fc.assert(
      fc.property(games(type), fc.nat(20), ({ table, happenings, answers }, who) => {
        const { state } = play(table, happenings, answers);
        const chosen = table.participants[who % table.participants.length] as { id: string };
        const choice = { participantId: chosen.id, reason: 'Chosen by Grace.', named: true as const };
        const named = fold(state, { kind: 'proposal', turn: state.turns + 1, choice });
        assert.deepEqual(nextSpeaker(table.policy, table.participants, named), { kind: 'speak', ...choice });
        const over = fold(named, { kind: 'message', turn: state.turns + 1, participantId: chosen.id });
        assert.equal(over.choice, null);
        assert.equal(over.moves, state.moves, 'the order goes on where it was');
      }),
    );
  });

  test(`${type}: every limit ends it or has it stand, with its name, and none is passed by more than a turn`, () => {
    fc.assert(
      fc.property(
        tableOf(type),
        limits,
        fc.record({ tokens: fc.nat(400), costNanoUsd: fc.nat(50_000_000), elapsedMs: fc.nat(60_000) }),
        answers,
        (table, asked, each, said) => {
          const { decision, spent } = toTheEnd(table, { limits: defined(asked), each, said });
          const reached: Record<string, boolean> = {
            max_turns: spent.turns >= asked.max_turns,
            max_tokens: spent.tokens >= (asked.max_tokens ?? Infinity),
            max_cost_usd: spent.costNanoUsd >= Math.max(1, Math.round((asked.max_cost_usd ?? Infinity) * 1e9)),
            max_seconds: spent.elapsedMs >= (asked.max_seconds ?? Infinity) * 1_000,
            end_of_graph: type === 'graph',
            verdict: type === 'debate',
          };
          assert.ok(reached[decision.reason], decision.reason);
          assert.ok(spent.turns <= asked.max_turns);
          assert.equal(decision.kind, decision.reason === 'max_cost_usd' ? 'pause' : 'end');
        },
      ),
    );
  });

  test(`${type}: when every turn fails it ends as failed, after a round and at least three`, () => {
    fc.assert(
      fc.property(tableOf(type), answers, (table, said) => {
        const failing = Array.from({ length: 40 }, () => ({ what: 'failed' as const }));
        const { state, ended, turns } = play(table, failing.slice(0, Math.max(3, table.participants.length)), said);
        const spent = { turns: state.turns, tokens: 0, costNanoUsd: 0, elapsedMs: 0 };
        const situation = { ...table, limits: { max_turns: 1_000, turn_timeout_seconds: 1 }, state, spent };
        if (ended !== undefined && turns.length < Math.max(3, table.participants.length)) return;
        assert.deepEqual(decide(situation), { kind: 'end', action: 'fail', reason: 'every_turn_failed' });
      }),
    );
  });

  test(`${type}: a brief speaks to its speaker and is short, or there is none`, () => {
    fc.assert(
      fc.property(games(type), ({ table, happenings, answers }) => {
        const { state } = play(table, happenings, answers);
        for (const speaker of table.participants) {
          const brief = briefOf(table.policy, speaker, { participants: table.participants, state });
          if (brief) assert.ok(brief.text.length > 10 && brief.text.length < 5_000);
          assert.ok(!brief?.hint?.calls?.includes(speaker.name), 'nobody hands over to himself');
        }
      }),
    );
  });
}

const limits = fc.record({
  max_turns: fc.integer({ min: 1, max: 30 }),
  max_tokens: fc.option(fc.integer({ min: 1, max: 5_000 }), { nil: undefined }),
  max_cost_usd: fc.option(fc.double({ min: 0.000001, max: 1, noNaN: true }), { nil: undefined }),
  max_seconds: fc.option(fc.integer({ min: 1, max: 600 }), { nil: undefined }),
  turn_timeout_seconds: fc.constant(120),
});

type Table = Pick<Situation, 'policy' | 'participants'>;
type Costs = { limits: Limits; each: Omit<Situation['spent'], 'turns'>; said: Parameters<typeof play>[2] };

/** Lets everybody speak until it is decided that nobody does. */
function toTheEnd(table: Table, { limits, each, said }: Costs) {
  const speeches: { what: 'said'; text: string }[] = [];
  let { state } = play(table, speeches, said);
  for (let turn = 0; turn <= limits.max_turns; turn++) {
    const spent = {
      turns: state.turns,
      tokens: state.turns * each.tokens,
      costNanoUsd: state.turns * each.costNanoUsd,
      elapsedMs: state.turns * each.elapsedMs,
    };
    const decision = decide({ ...table, limits, state, spent });
    if (decision.kind === 'end' || decision.kind === 'pause') return { decision, spent };
    speeches.push({ what: 'said', text: `Word ${turn}.` });
    ({ state } = play(table, speeches, said));
  }
  throw new Error('It did not end in time.');
}

test('round robin gives everybody the turn in the order, whatever is skipped, said in between or named', () => {
  fc.assert(
    fc.property(games('round_robin'), ({ table, happenings, answers }) => {
      const { turns } = play(table, happenings, answers);
      const { order } = table.policy as { order: string[] };
      const ordinary = turns.filter(({ named }) => !named);
      for (const { participantId, before } of ordinary) assert.equal(participantId, order[before.moves % order.length]);
    }),
  );
});

test('who was interrupted before the first word keeps the place in the order', () => {
  const [ada, ben] = [participantOf('ada', 1), participantOf('ben', 2)];
  const policy = settle({ type: 'round_robin' }, [ada, ben]);
  const cut: Fact = { kind: 'turn_end', turn: 1, participantId: ada.id, outcome: 'interrupted' };
  const state = fold(EMPTY, cut);
  assert.equal(state.turns, 1);
  const verdict = nextSpeaker(policy, [ada, ben], state);
  assert.deepEqual(verdict, { kind: 'speak', participantId: ada.id, reason: 'First in order.' });
  const choice = { participantId: ben.id, reason: 'Chosen by Grace.', named: true as const };
  const named = fold(fold(EMPTY, { kind: 'proposal', turn: 1, choice }), { ...cut, participantId: ben.id });
  assert.deepEqual(nextSpeaker(policy, [ada, ben], named), { kind: 'speak', ...choice }, 'and who was named is');
});

test('manual waits until a person names the next, and waits again after that turn', () => {
  const [ada, ben] = [participantOf('ada', 1), participantOf('ben', 2)];
  const policy = settle({ type: 'manual' }, [ada, ben]);
  const wait = { kind: 'wait', reason: 'choose_next' };
  assert.deepEqual(nextSpeaker(policy, [ada, ben], EMPTY), wait);
  const choice = { participantId: ben.id, reason: 'Chosen by Grace.', named: true as const };
  const named = fold(EMPTY, { kind: 'proposal', turn: 1, choice });
  assert.deepEqual(nextSpeaker(policy, [ada, ben], named), { kind: 'speak', ...choice });
  const said = fold(named, { kind: 'message', turn: 1, participantId: ben.id });
  assert.deepEqual(nextSpeaker(policy, [ada, ben], said), wait);
});

test('a verdict that falls with the last turn allowed is a verdict, not a limit', () => {
  const those = ['pro', 'con', 'judge'].map((name, at) => participantOf(name, at));
  const sides = ['pro', 'con'].map((name) => ({ name, participants: [name] }));
  const policy = settle({ type: 'debate', sides, rounds: 1, judge: 'judge' }, those);
  const speeches = ['a', 'b', 'Verdict: pro'].map((text) => ({ what: 'said' as const, text }));
  const { state } = play({ policy, participants: those }, speeches, [{ failed: true }]);
  const spent = { turns: 3, tokens: 0, costNanoUsd: 0, elapsedMs: 0 };
  const situation = { policy, participants: those, limits: { max_turns: 3, turn_timeout_seconds: 1 }, state, spent };
  assert.deepEqual(decide(situation), { kind: 'end', action: 'complete', reason: 'verdict' });
});

test('a discussion that an earlier release kept goes on: its state may lack what this one knows', () => {
  const [ada, ben] = [participantOf('ada', 1), participantOf('ben', 2)];
  const old = { turns: 3, moves: 3, last: ada.id, choice: null, failures: 0 } as unknown as State;
  for (const type of ['round_robin', 'moderator', 'vote', 'mention', 'priority', 'manual'] as const) {
    const policy = settle({ type }, [ada, ben]);
    assert.ok(nextSpeaker(policy, [ada, ben], old).kind.length > 0);
    const later = fold(old, { kind: 'message', turn: 4, participantId: ben.id, calls: [ada.id] });
    assert.deepEqual([later.turns, later.moves, later.last, later.taken[ben.id]], [4, 4, ben.id, 1]);
  }
});

test('an order names participants by agent, user, own id or name, and somebody else is a fault that says where', () => {
  const [ada, ben] = [participantOf('ada', 1), participantOf('Ben', 2)];
  const order = ['BEN', 'agent-1', ben.id, 'ada'];
  const settled = settlePolicy({ type: 'round_robin', order }, [ada, ben]);
  assert.deepEqual(settled, { policy: { type: 'round_robin', order: [ben.id, ada.id, ben.id, ada.id] } });
  const feigned = { ...ada, name: ben.id };
  const meant = settlePolicy({ type: 'round_robin', order: [ben.id] }, [feigned, ben]);
  assert.deepEqual(meant, { policy: { type: 'round_robin', order: [ben.id] } }, 'a name takes no id’s place');
  assert.deepEqual(settlePolicy({ type: 'round_robin', order: ['ada', 'zoe'] }, [ada, ben]), {
    fault: { path: 'order.1', message: 'is not a participant' },
  });
  assert.ok('fault' in settlePolicy({ type: 'moderator', agent_id: 'a', model: 'b' }, [ada, ben]));
});

function defined(asked: Record<string, number | undefined>): Limits {
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined)) as Limits;
}
