import assert from 'node:assert/strict';
import type { Turn } from '@parley/sdk';
import { cast, dim, print, story, type Told, watch } from '../support/story.ts';

const BOARD = {
  security: 'You review for security. You look for what an attacker would do.',
  design: 'You review the design. You look for what will be hard to change.',
  operations: 'You run it at night. You look for what will wake you up.',
  product: 'You speak for those who use it. You look for what they will miss.',
};
const DOCUMENT = {
  title: 'The change',
  text: `Sign-in moves from the monolith into a service of its own. Tokens live for 24 hours instead of 15 minutes, because the new
service has no refresh yet. Roll-back means a deployment of the monolith, about 40 minutes. The load test stopped at 300 requests a
second; on Mondays there are 280. Passwords are checked by the same library as before.`,
};
const TURNS = 5;

/** A review board: before each turn everybody votes on who should speak, and every ballot can be read afterwards. */
await story(async (parley) => {
  const agents = await cast(parley, BOARD);
  const discussion = await parley.discussions.create({
    topic: 'May the new sign-in go live on Monday?',
    participants: Object.values(agents).map(({ id }) => ({ agent_id: id })),
    policy: { type: 'vote' },
    limits: { max_turns: TURNS },
    context: [DOCUMENT],
  });
  check(await watch(parley, discussion));
});

function check({ discussion, messages, turns }: Told): void {
  assert.deepEqual([discussion.status, discussion.status_reason], ['completed', 'max_turns']);
  assert.deepEqual([turns.length, messages.length], [TURNS, TURNS]);
  const order = discussion.participants.map(({ id }) => id);
  const nameOf = (id: string | null): string => discussion.participants.find((p) => p.id === id)?.name ?? 'nobody';
  const taken = new Map(order.map((id) => [id, 0]));
  let last: string | undefined;
  print('\nThe ballots:\n');
  for (const turn of turns) {
    const { proposals, participant_id: elected, name, reason } = turn;
    assert.deepEqual(
      proposals.map(({ kind, participant_id }) => [kind, participant_id]),
      order.map((id) => ['ballot', id]),
      `everybody voted before turn ${turn.turn}, once`,
    );
    for (const { participant_id, choice, refused } of proposals) {
      assert.notEqual(choice, participant_id, 'a ballot for oneself does not count');
      assert.equal(choice === null, refused !== null, 'what does not count says why');
    }
    // The count, by whoever does not believe it.
    assert.equal(nameOf(elected), nameOf(winner(turn, { order, taken, last })), reason);
    taken.set(elected, (taken.get(elected) ?? 0) + 1);
    last = elected;
    const ballots = proposals.map(({ by, choice, refused }) => `${by} → ${refused ?? nameOf(choice)}`);
    print(`${turn.turn}. ${name}: ${reason} ${dim(ballots.join(', '))}\n`);
  }
  const ballots = turns.flatMap(({ proposals }) => proposals);
  const valid = ballots.filter(({ choice }) => choice !== null).length;
  print(`\n${dim(`${turns.length} votes, ${valid} of ${ballots.length} ballots counted, each count checked.`)}\n`);
}

type Before = { order: readonly string[]; taken: ReadonlyMap<string, number>; last: string | undefined };

/** Most ballots; of equals whoever has had the fewest turns, then the first in order; without a valid one, whoever is next. */
function winner({ proposals }: Turn, { order, taken, last }: Before): string {
  const votes = (id: string): number => proposals.filter(({ choice }) => choice === id).length;
  const next = order[((last === undefined ? -1 : order.indexOf(last)) + 1) % order.length] as string;
  if (proposals.every(({ choice }) => choice === null)) return next;
  const ranked = [...order].sort((a, b) => votes(b) - votes(a) || (taken.get(a) ?? 0) - (taken.get(b) ?? 0));
  return ranked[0] as string;
}
