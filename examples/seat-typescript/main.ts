import assert from 'node:assert/strict';
import { type Discussion, Parley, type TurnClaim } from '@parley/sdk';
import { ExampleServer } from '../support/server.ts';
import { type Outcome, takeSeat } from './seat.ts';

const KEEPER = 'The keeper of the lighthouse';
const TURNS = 6;
/** In this turn somebody else with the same key claims after the keeper. */
const DOUBLED = 4;
/** In this turn the keeper says nothing, and loses it. */
const SLEEPS = 6;
const PATIENCE_MS = 180_000;

const print = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(): Promise<void> {
  await using server = await ExampleServer.create();
  const { url, email, password } = await server.start();
  print(`A server of this example's own: ${url}`);
  const baseUrl = `${url}/api/v1`;
  const parley = new Parley({ baseUrl, session: 'memory' });
  await parley.auth.signIn({ email, password });
  const harbour = await parley.agents.create({
    name: 'harbour-master',
    instructions: 'You run the harbour. You ask the keeper of the lighthouse what is to be seen.',
    model: 'rehearsal',
  });
  const discussion = await parley.discussions.create({
    topic: 'Can the ferry sail tonight?',
    participants: [{ agent_id: harbour.id }, { seat: { name: KEEPER } }],
    limits: { max_turns: TURNS, turn_timeout_seconds: 60 },
  });
  const [, keeper] = discussion.participants;
  assert(keeper);
  // The member who made the discussion hands this key over; it is all that the keeper gets.
  const { key } = await parley.discussions.issueSeatKey(discussion.id, keeper.id, { expires_in_days: 1 });

  const twin = new Parley({ baseUrl, apiKey: key });
  const answer = async ({ turn, deadline, context }: TurnClaim): Promise<string | undefined> => {
    const heard = context.messages.at(-1)?.content ?? '';
    print(`Turn ${turn} is the keeper's until ${deadline}; last heard: “${heard.slice(0, 60)}…”`);
    if (turn === SLEEPS) {
      if (context.attempt === 1) await hurry(parley, discussion);
      return undefined;
    }
    if (turn === DOUBLED) await overtake(twin, discussion, turn);
    return `Turn ${turn}: the sea is calm, and I have read ${context.messages.length} messages.`;
  };
  const place = { baseUrl, apiKey: key, discussionId: discussion.id, participantId: keeper.id };
  const outcomes = await takeSeat({ ...place, signal: AbortSignal.timeout(PATIENCE_MS) }, answer);
  await checkKey(new Parley({ baseUrl, apiKey: key }), harbour.id);
  await check(parley, discussion, outcomes);
}

/** Somebody else with the same key claims after the keeper, and speaks first: what the keeper holds is worth nothing. */
async function overtake(twin: Parley, { id }: Discussion, turn: number): Promise<void> {
  const { fence } = await twin.discussions.claim(id, turn);
  await twin.discussions.post(id, { content: `Turn ${turn}: said by the one who claimed last.`, turn, fence });
}

/** The member does not want to wait a minute for a sleeper: from here on a turn has half a second. */
async function hurry(parley: Parley, { id }: Discussion): Promise<void> {
  await parley.discussions.pause(id);
  await parley.discussions.resume(id, { limits: { turn_timeout_seconds: 0.5 } });
}

/** The key opens the one discussion, and there only what a seat needs. */
async function checkKey(keeper: Parley, agentId: string): Promise<void> {
  const isClosed = { status: 403 };
  await assert.rejects(keeper.agents.get(agentId), isClosed);
  await assert.rejects(keeper.discussions.list().toArray(), isClosed);
  await assert.rejects(keeper.documents.list().toArray(), isClosed);
}

/** Everything that was promised. */
async function check(parley: Parley, { id, participants }: Discussion, outcomes: readonly Outcome[]): Promise<void> {
  const ended = await parley.discussions.get(id);
  const turns = await parley.discussions.turns(id).toArray();
  const messages = await parley.discussions.messages(id).toArray();
  print(`\n${messages.map(({ author, content }) => `${author.name}: ${content}`).join('\n\n')}\n`);
  assert.deepEqual([ended.status, ended.status_reason], ['completed', 'max_turns']);
  assert.deepEqual(
    turns.map(({ name, status }) => [name, status]),
    [1, 2, 3, 4, 5, 6].map((turn) => [
      turn % 2 === 1 ? 'harbour-master' : KEEPER,
      turn === SLEEPS ? 'skipped' : 'completed',
    ]),
  );
  assert.deepEqual(
    outcomes.filter(({ turn }) => turn !== SLEEPS),
    [
      { turn: 2, messageId: messages[1]?.id },
      { turn: DOUBLED, refused: 'fence_outdated' },
    ],
    'one turn was the keeper’s, and one was lost to a later claim',
  );
  const said = messages.filter(({ author }) => author.kind === 'seat');
  assert.deepEqual(
    said.map(({ turn, author }) => [turn, author.name, author.participant_id]),
    [2, DOUBLED].map((turn) => [turn, KEEPER, participants[1]?.id]),
    'whoever posts with the key is the keeper',
  );
  assert.match(said[1]?.content ?? '', /claimed last/, 'of two with one key, the newest fence speaks');
  print('One turn said, one lost to a later claim with the same key, one slept through; the key opened nothing else.');
}

await main();
