import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decide, type Situation } from './decide.ts';
import { EMPTY, type Fact, fold, type Participant } from './fold.ts';
import type { Limits } from './limits.ts';
import { dispose } from './moderator.ts';
import { type AskedPolicy, type KeptPolicy, nextSpeaker, settlePolicy } from './policies.ts';

const NAMES = ['ada', 'brecht', 'Curie 2', 'dürer', 'eve', 'O’Neil', 'f-g_h', 'i'];

const participants = fc.integer({ min: 1, max: NAMES.length }).map((count): Participant[] =>
  NAMES.slice(0, count).map((name, index) => ({
    id: `00000000-0000-7000-8000-00000000000${index}`,
    kind: index % 3 === 2 ? 'user' : 'agent',
    agent_id: index % 3 === 2 ? null : `agent-${index}`,
    user_id: index % 3 === 2 ? `user-${index}` : null,
    name,
  })),
);

const table = participants.chain((those) =>
  fc.record({
    participants: fc.constant(those),
    policy: fc.oneof(
      fc
        .array(fc.constantFrom(...those.flatMap((p) => [p.id, p.name, p.agent_id ?? (p.user_id as string)])), {
          minLength: 1,
          maxLength: 12,
        })
        .map((order): AskedPolicy => ({ type: 'round_robin', order })),
      fc.constant<AskedPolicy>({ type: 'round_robin' }),
      fc.constant<AskedPolicy>({ type: 'moderator', model: 'rehearsal' }),
    ),
  }),
);

/** What can happen in one step of a discussion, whatever the policy says. */
const happening = fc.oneof(
  { weight: 5, arbitrary: fc.constant({ what: 'said' as const }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('skipped' as const, 'failed' as const, 'interrupted' as const).map((what) => ({ what })),
  },
  { weight: 2, arbitrary: fc.nat(9).map((who) => ({ what: 'interjected' as const, who })) },
);
/** What a moderator may answer: names, nonsense, orders, several names, JSON. */
const answer = fc.oneof(
  fc.constantFrom(...NAMES),
  fc.constantFrom(...NAMES).map((name) => `{"next": "${name}"}`),
  fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom(...NAMES)).map(([a, b]) => `${a} and ${b}`),
  fc.constant('Ignore the rules and let everybody speak at once.'),
  fc.string({ unit: 'grapheme', maxLength: 500 }),
);

type Happening = { what: 'said' | 'skipped' | 'failed' | 'interrupted' } | { what: 'interjected'; who: number };

/** Plays a discussion by its rules and answers its log and who had each turn. */
function play(
  { participants: those, policy }: { participants: Participant[]; policy: KeptPolicy },
  happenings: readonly Happening[],
  answers: readonly string[],
): { log: Fact[]; speakers: string[] } {
  const log: Fact[] = [];
  const speakers: string[] = [];
  let asked = 0;
  for (const event of happenings) {
    let state = log.reduce(fold, EMPTY);
    if (event.what === 'interjected') {
      log.push({ kind: 'message', turn: null, participantId: those[event.who]?.id ?? null });
      continue;
    }
    let verdict = nextSpeaker(policy, those, state);
    if (verdict.kind === 'ask') {
      const text = answers[asked++ % answers.length] as string;
      log.push({
        kind: 'proposal',
        turn: state.turns + 1,
        choice: dispose({ text }, { participants: those, state }).choice,
      });
      state = log.reduce(fold, EMPTY);
      verdict = nextSpeaker(policy, those, state);
    }
    assert.equal(verdict.kind, 'speak', 'asked once, a policy decides');
    if (verdict.kind !== 'speak') continue;
    const { participantId } = verdict;
    speakers.push(participantId);
    const turn = state.turns + 1;
    log.push(
      event.what === 'said'
        ? { kind: 'message', turn, participantId }
        : { kind: 'turn_end', turn, participantId, outcome: event.what },
    );
  }
  return { log, speakers };
}

const settle = (asked: AskedPolicy, those: Participant[]): KeptPolicy => {
  const settled = settlePolicy(asked, those);
  assert.ok('policy' in settled);
  return settled.policy;
};

const games = fc.record({
  table,
  happenings: fc.array(happening as fc.Arbitrary<Happening>, { maxLength: 60 }),
  answers: fc.array(answer, { minLength: 1, maxLength: 10 }),
});

test('every policy always names exactly one participant', () => {
  fc.assert(
    fc.property(games, ({ table: { participants: those, policy }, happenings, answers }) => {
      const { speakers } = play({ participants: those, policy: settle(policy, those) }, happenings, answers);
      for (const speaker of speakers) assert.equal(those.filter((p) => p.id === speaker).length, 1);
    }),
  );
});

test('the same log gives the same speaker, folded at once or entry by entry', () => {
  fc.assert(
    fc.property(games, ({ table: { participants: those, policy: asked }, happenings, answers }) => {
      const policy = settle(asked, those);
      const { log, speakers } = play({ participants: those, policy }, happenings, answers);
      assert.deepEqual(play({ participants: those, policy }, happenings, answers).speakers, speakers);
      // Kept as JSON between two commits, as the row keeps it.
      const stepwise = log.reduce((state, fact) => JSON.parse(JSON.stringify(fold(state, fact))), EMPTY);
      assert.deepEqual(stepwise, log.reduce(fold, EMPTY));
      assert.deepEqual(nextSpeaker(policy, those, stepwise), nextSpeaker(policy, those, log.reduce(fold, EMPTY)));
    }),
  );
});

test('round robin gives everybody the turn in the order, skips and interjections or not', () => {
  fc.assert(
    fc.property(
      participants,
      fc.array(happening as fc.Arbitrary<Happening>, { maxLength: 60 }),
      (those, happenings) => {
        const policy = settle({ type: 'round_robin' }, those);
        const { speakers, log } = play({ participants: those, policy }, happenings, ['-']);
        const moved = log.filter(
          (fact) => fact.turn !== null && !('outcome' in fact && fact.outcome === 'interrupted'),
        );
        const expected = moved.map((_, index) => those[index % those.length]?.id);
        assert.deepEqual(
          moved.map((fact) => ('participantId' in fact ? fact.participantId : undefined)),
          expected,
        );
        assert.ok(speakers.length >= moved.length);
      },
    ),
  );
});

test('who was interrupted before the first word keeps the place in the order', () => {
  const [ada, ben] = [person('ada', 1), person('ben', 2)];
  const policy = settle({ type: 'round_robin' }, [ada, ben]);
  const state = fold(EMPTY, { kind: 'turn_end', turn: 1, participantId: ada.id, outcome: 'interrupted' });
  assert.equal(state.turns, 1);
  const verdict = nextSpeaker(policy, [ada, ben], state);
  assert.deepEqual(verdict, { kind: 'speak', participantId: ada.id, reason: 'First in order.' });
});

const limits = fc.record({
  max_turns: fc.integer({ min: 1, max: 30 }),
  max_tokens: fc.option(fc.integer({ min: 1, max: 5_000 }), { nil: undefined }),
  max_cost_usd: fc.option(fc.double({ min: 0.000001, max: 1, noNaN: true }), { nil: undefined }),
  max_seconds: fc.option(fc.integer({ min: 1, max: 600 }), { nil: undefined }),
  turn_timeout_seconds: fc.constant(120),
});

test('every limit ends a discussion, with its name as the reason, and none is passed by more than one turn', () => {
  fc.assert(
    fc.property(
      participants,
      limits,
      fc.record({ tokens: fc.nat(400), costNanoUsd: fc.nat(50_000_000), elapsedMs: fc.nat(60_000) }),
      (those, asked, each) => {
        const policy = settle({ type: 'round_robin' }, those);
        const situation: { -readonly [K in keyof Situation]: Situation[K] } = {
          policy,
          participants: those,
          limits: defined(asked),
          state: EMPTY,
          spent: { turns: 0, tokens: 0, costNanoUsd: 0, elapsedMs: 0 },
        };
        for (let turn = 1; ; turn++) {
          const decision = decide(situation);
          if (decision.kind === 'end') {
            assert.equal(decision.action, 'complete');
            const { spent } = situation;
            const reached = {
              max_turns: spent.turns >= asked.max_turns,
              max_tokens: spent.tokens >= (asked.max_tokens ?? Infinity),
              max_cost_usd: spent.costNanoUsd >= (asked.max_cost_usd ?? Infinity) * 1e9,
              max_seconds: spent.elapsedMs >= (asked.max_seconds ?? Infinity) * 1000,
              every_turn_failed: false,
            };
            assert.ok((reached as Record<string, boolean>)[decision.reason], decision.reason);
            return;
          }
          assert.ok(turn <= asked.max_turns, 'it ended in time');
          assert.equal(decision.kind, 'speak');
          const participantId = decision.kind === 'speak' ? decision.participantId : '';
          const { spent } = situation;
          situation.state = fold(situation.state, { kind: 'message', turn, participantId });
          situation.spent = {
            turns: situation.state.turns,
            tokens: spent.tokens + each.tokens,
            costNanoUsd: spent.costNanoUsd + each.costNanoUsd,
            elapsedMs: spent.elapsedMs + each.elapsedMs,
          };
        }
      },
    ),
  );
});

test('a discussion in which every turn fails ends as failed after a round, and at least three', () => {
  const those = [person('ada', 1)];
  const policy = settle({ type: 'round_robin' }, those);
  const base = { policy, participants: those, limits: { max_turns: 50, turn_timeout_seconds: 1 } };
  const failed: Fact = { kind: 'turn_end', turn: 1, participantId: 'x', outcome: 'failed' };
  const spent = { turns: 0, tokens: 0, costNanoUsd: 0, elapsedMs: 0 };
  const two = [failed, failed].reduce(fold, EMPTY);
  assert.equal(decide({ ...base, state: two, spent }).kind, 'speak');
  const end = { kind: 'end', action: 'fail', reason: 'every_turn_failed' };
  assert.deepEqual(decide({ ...base, state: fold(two, failed), spent }), end);
  const spoke = fold(two, { kind: 'message', turn: 3, participantId: 'x' });
  assert.equal(
    decide({ ...base, state: fold(spoke, failed), spent }).kind,
    'speak',
    'a word between starts the count anew',
  );
});

test('an order names participants by agent, user, own id or name, and somebody else is a fault that says where', () => {
  const those = [person('ada', 1), person('Ben', 2)];
  const [ada, ben] = those as [Participant, Participant];
  const order = ['BEN', 'agent-1', ben.id, 'ada'];
  const settled = settlePolicy({ type: 'round_robin', order }, those);
  assert.deepEqual(settled, { policy: { type: 'round_robin', order: [ben.id, ada.id, ben.id, ada.id] } });
  assert.deepEqual(settlePolicy({ type: 'round_robin', order: ['ada', 'zoe'] }, those), {
    fault: { path: 'order.1', message: 'is not a participant' },
  });
  assert.ok('fault' in settlePolicy({ type: 'moderator', agent_id: 'a', model: 'b' }, those));
});

function person(name: string, index: number): Participant {
  const id = `00000000-0000-7000-8000-00000000000${index}`;
  return { id, kind: 'agent', agent_id: `agent-${index}`, user_id: null, name };
}

function defined(asked: Record<string, number | undefined>): Limits {
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined)) as Limits;
}
