import assert from 'node:assert/strict';
import { type Discussion, type DiscussionEvent, type Message, Parley } from '@parley/sdk';
import { ExampleServer } from '../support/server.ts';

const DOCUMENT = {
  title: 'The harbour bridge',
  text: `The harbour bridge was opened in 1931 and carries 41,000 vehicles a day. In March an inspection found that 18 of its
64 cables have lost a fifth of their strength. A full repair takes two years and 38 million euros, and one lane in each
direction stays closed. Replacing only the 18 cables takes five months and 9 million euros, but a second inspection
would be due after three years. The ferry could carry 6,000 vehicles a day while the work goes on. Shops on the south
side lose about a third of their guests whenever a lane is closed. The engineers’ report says that a closure of the
whole bridge is not necessary as long as lorries over 20 tonnes take the tunnel.`,
};
const SPEAKERS = {
  engineer: 'You are a careful engineer. You ask for evidence, name the risk, and prefer what can be measured.',
  mayor: 'You are the mayor, an optimistic advocate of the town. You look for the opportunity and for a first step.',
  shopkeeper: 'You keep a shop on the south side. You are practical and ask what a plan costs, and who pays for it.',
};
const TURNS = 6;
const INTERJECTION = 'One question from the gallery: what happens to the shops on the south side meanwhile?';
/** Killed in this turn, once it has said so much. */
const FATAL_TURN = 4;
const FATAL_LENGTH = 60;
const PATIENCE_MS = 300_000;

const print = (text: string): void => void process.stdout.write(text);
const dim = (text: string): string => (process.stdout.isTTY ? `\x1b[2m${text}\x1b[0m` : text);
const bold = (text: string): string => (process.stdout.isTTY ? `\x1b[1m${text}\x1b[0m` : text);

/** An event of the log, as opposed to what is only live. */
type Logged = Extract<DiscussionEvent, { id: string }>;
const isLogged = (event: DiscussionEvent): event is Logged => event.cursor !== undefined && event.type !== 'reset';

/** What a reader of the stream has seen. */
type Seen = { readonly logged: Logged[]; readonly restarts: number[]; resumed: number };

async function main(): Promise<void> {
  await using server = await ExampleServer.create();
  print('Starting a server … ');
  const { url, email, password } = await server.start();
  print(`${url}\n`);

  const parley = new Parley({ baseUrl: `${url}/api/v1`, session: 'memory' });
  await parley.auth.signIn({ email, password });
  const agents: { id: string }[] = [];
  for (const [name, instructions] of Object.entries(SPEAKERS)) {
    agents.push(await parley.agents.create({ name, instructions, model: 'rehearsal' }));
  }
  const discussion = await parley.discussions.create({
    topic: 'Should the town repair the whole bridge, or only replace the weak cables?',
    participants: agents.map(({ id }) => ({ agent_id: id })),
    policy: { type: 'round_robin' },
    limits: { max_turns: TURNS },
    context: [DOCUMENT],
    on_post: 'enqueue',
  });
  print(`${bold(discussion.topic)}\n${dim('The speakers rehearse: they speak by rule, without a language model.')}\n`);

  const seen = await watch(parley, discussion, server);
  await check(parley, discussion, seen);
}

/** Follows the discussion to its end; interjects once, and kills the server once. */
async function watch(parley: Parley, discussion: Discussion, server: ExampleServer): Promise<Seen> {
  const seen: Seen = { logged: [], restarts: [], resumed: 0 };
  const stage = new Stage();
  let killed: Promise<void> | undefined;
  const options = {
    cursor: discussion.cursor,
    signal: AbortSignal.timeout(PATIENCE_MS),
    onConnection: ({ state }: { state: string }) => {
      if (state === 'open' && killed) seen.resumed += 1;
    },
  };
  for await (const event of parley.discussions.events(discussion.id, options)) {
    if (isLogged(event)) seen.logged.push(event);
    if (event.type === 'turn_restarted') seen.restarts.push(event.data.turn);
    stage.show(event);
    if (event.type === 'message_posted' && event.data.seq === 2) {
      const posted = await parley.discussions.post(discussion.id, { content: INTERJECTION });
      print(
        `\n\n${bold(posted.author.name)} ${dim(`interjects while ${posted.next_speaker?.name} speaks`)}\n${INTERJECTION}\n`,
      );
    }
    if (!killed && stage.turn === FATAL_TURN && stage.text.length >= FATAL_LENGTH) {
      killed = crash(server);
      await killed;
    }
    if (event.type === 'discussion_completed') return seen;
  }
  throw new Error('The stream ended before the discussion did.');
}

async function crash(server: ExampleServer): Promise<void> {
  print(dim('\n\n*** kill -9, in the middle of the sentence ***\n'));
  await server.kill();
  await server.start();
  print(dim('*** the server is back; the stream goes on after the last event ***\n'));
}

/** Prints a discussion as it comes over the stream, and puts each turn's text together. */
class Stage {
  turn = 0;
  text = '';

  show(event: DiscussionEvent): void {
    if (event.type === 'turn_started') {
      const { turn, attempt, name, reason } = event.data;
      this.turn = turn;
      this.text = '';
      print(`\n\n${bold(name)} ${dim(`turn ${turn}${attempt > 1 ? `, attempt ${attempt}` : ''} · ${reason}`)}\n`);
    } else if (event.type === 'turn_restarted') {
      this.text = '';
    } else if (event.type === 'turn_snapshot') {
      this.#extend(event.data.text);
    } else if (event.type === 'message_delta') {
      this.#extend(this.text.slice(0, event.data.offset) + event.data.text);
    } else if (event.type === 'discussion_completed') {
      print(`\n\n${dim(`The discussion is over: ${event.data.reason}.`)}\n`);
    }
  }

  #extend(text: string): void {
    if (text.startsWith(this.text)) print(text.slice(this.text.length));
    this.text = text;
  }
}

/** Everything that was promised. */
async function check(parley: Parley, { id, cursor, participants }: Discussion, seen: Seen): Promise<void> {
  const messages = await collect(parley.discussions.messages(id));
  const turns = (await parley.discussions.turns(id)).items;
  const ended = await parley.discussions.get(id);

  assert.deepEqual([ended.status, ended.status_reason], ['completed', 'max_turns']);
  assert.deepEqual(
    messages.map((message) => message.seq),
    Array.from({ length: TURNS + 1 }, (_, index) => index + 1),
    'as many messages as turns and interjections, numbered without a hole',
  );
  const spoken = messages.filter((message) => message.turn !== null);
  assert.deepEqual(
    spoken.map((message) => [message.turn, message.author.participant_id]),
    Array.from({ length: TURNS }, (_, index) => [index + 1, participants[index % participants.length]?.id]),
    'one message a turn, in the order of the policy',
  );
  assert.ok(
    spoken.every((message) => message.metadata.finish_reason === 'stop'),
    'every one of them whole',
  );
  assert.deepEqual(
    messages.filter((message) => message.turn === null).map((message) => message.content),
    [INTERJECTION],
  );

  const posted = seen.logged.flatMap((event) => (event.type === 'message_posted' ? [event.data.message_id] : []));
  assert.deepEqual(
    posted,
    messages.map((message) => message.id),
    'every message was announced once, in order',
  );
  const afterwards: Logged[] = [];
  for await (const event of parley.discussions.events(id, { cursor })) {
    if (isLogged(event)) afterwards.push(event);
    if (event.type === 'discussion_completed') break;
  }
  assert.deepEqual(
    seen.logged.map((event) => [event.cursor, event.type]),
    afterwards.map((event) => [event.cursor, event.type]),
    'the stream that lived through the crash has no hole and no repeat',
  );

  assert.ok(seen.resumed > 0, 'the stream was resumed');
  const attempts = seen.logged.flatMap((event) =>
    event.type === 'turn_started' && event.data.turn === FATAL_TURN ? [event.data.attempt] : [],
  );
  assert.deepEqual(attempts.slice(0, 2), [1, 2], 'the turn that the crash cut off was begun anew');
  report(messages, { turns: turns.length, events: afterwards.length, attempts: attempts.length });
}

function report(messages: readonly Message[], counts: { turns: number; events: number; attempts: number }): void {
  const cited = new Set(messages.flatMap((message) => message.metadata.citations?.map(({ quote }) => quote) ?? []));
  print(
    `\n${messages.length} messages in ${counts.turns} turns, each exactly once and in order; ${cited.size} passages of the ` +
      `document cited.\nOne kill -9: turn ${FATAL_TURN} took ${counts.attempts} attempts and left one message; ` +
      `${counts.events} events, none missing, none twice.\n`,
  );
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

await main();
