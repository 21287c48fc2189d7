import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { type Discussion, Parley } from '@parley/sdk';
import { ExampleServer } from '../support/server.ts';

const GUEST = 'Pythia';
const TURNS = 6;
/** After so many events the program drops its connection. */
const LOSE_AFTER = 3;
const PATIENCE_MS = 180_000;
const SEAT = path.join(import.meta.dirname, 'seat.py');

const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** What the program in the seat tells: one JSON object a line. */
type Line = {
  readonly said?: string;
  readonly event?: string;
  readonly cursor?: string;
  readonly posted?: string;
  readonly turn?: number;
  readonly seq?: number;
  readonly content?: string;
};

async function main(): Promise<void> {
  if (!hasPython()) return;
  await using server = await ExampleServer.create();
  const { url, email, password } = await server.start();
  print(`A server of this example's own: ${url}`);
  const parley = new Parley({ baseUrl: `${url}/api/v1`, session: 'memory' });
  await parley.auth.signIn({ email, password });
  const pilgrim = await parley.agents.create({
    name: 'pilgrim',
    instructions: 'You have come a long way to ask the oracle one question after the other.',
    model: 'rehearsal',
  });
  const discussion = await parley.discussions.create({
    topic: 'Will the harvest be good?',
    participants: [{ agent_id: pilgrim.id }, { seat: { name: GUEST } }],
    limits: { max_turns: TURNS, turn_timeout_seconds: 60 },
  });
  const seat = discussion.participants.find(({ kind }) => kind === 'seat');
  assert(seat);
  const { key } = await parley.discussions.issueSeatKey(discussion.id, seat.id);
  const lines = await sit({
    PARLEY_URL: `${url}/api/v1`,
    PARLEY_SEAT_KEY: key,
    PARLEY_DISCUSSION: discussion.id,
    PARLEY_PARTICIPANT: seat.id,
    LOSE_AFTER: String(LOSE_AFTER),
  });
  await check(parley, discussion, lines);
}

/** Without Python there is nothing to show: that is said, and in CI it is a failure. */
function hasPython(): boolean {
  const { status } = spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 8))'], {
    stdio: 'ignore',
  });
  if (status === 0) return true;
  print(
    status === 1
      ? 'The python3 on this machine is older than 3.8, so this example was not run.'
      : 'There is no python3 on this machine that runs, so this example was not run: install Python 3.8 or newer.',
  );
  if (!['', '0', 'false'].includes(process.env.CI ?? '')) process.exitCode = 1;
  return false;
}

/** Runs the Python program to its end. It is given the seat's key, and nothing else that is secret. */
async function sit(settings: Record<string, string>): Promise<Line[]> {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn('python3', [SEAT], {
    env: { PATH, HOME, PYTHONUTF8: '1', ...settings },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: PATIENCE_MS,
  });
  const lines: Line[] = [];
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = JSON.parse(text) as Line;
    lines.push(line);
    if (line.content !== undefined) print(`${GUEST}, in turn ${line.turn}: ${line.content}`);
    else if (line.said !== undefined) print(`(python3 ${line.said})`);
  });
  const [code, signal] = await once(child, 'close');
  assert.deepEqual([code, signal], [0, null], 'the Python program ended well');
  return lines;
}

/** Everything that was promised. */
async function check(parley: Parley, { id }: Discussion, lines: readonly Line[]): Promise<void> {
  const ended = await parley.discussions.get(id);
  assert.deepEqual([ended.status, ended.status_reason], ['completed', 'max_turns']);
  const messages = await parley.discussions.messages(id).toArray();
  assert.deepEqual(
    messages.map(({ turn, author }) => [turn, author.kind, author.name]),
    Array.from({ length: TURNS }, (_, n) => (n % 2 === 0 ? [n + 1, 'agent', 'pilgrim'] : [n + 1, 'seat', GUEST])),
    'every turn has one message, the seat’s own ones from Python',
  );
  const own = messages.filter(({ author }) => author.kind === 'seat');
  assert.deepEqual(
    lines.filter(({ posted }) => posted !== undefined).map(({ posted, seq, content }) => [posted, seq, content]),
    own.map((message) => [message.id, message.seq, message.content]),
    'what Python says it posted is what stands there',
  );
  for (const [n, { content }] of own.entries()) {
    const before = messages[n * 2]?.content.trim().split(/\s+/).slice(0, 4).join(' ');
    assert(content.includes(`“${before}”`), `it was given what the pilgrim had said: ${content}`);
  }

  const seated = lines.find(({ said }) => said === 'took the seat');
  const heard = lines.flatMap((line) => (line.event === undefined ? [] : [[line.event, line.cursor]]));
  const log: (string | undefined)[][] = [];
  for await (const event of parley.discussions.events(id, { cursor: seated?.cursor })) {
    if (event.cursor !== undefined) log.push([event.type, event.cursor]);
    if (event.type === 'discussion_completed') break;
  }
  assert(log.length > LOSE_AFTER);
  assert.deepEqual(heard, log, 'across a lost connection, every event was heard once and in order');
  assert(lines.some(({ said }) => said?.startsWith('lost the connection, on purpose')));
  print(
    `\n${own.length} turns taken from Python, one connection lost and resumed, ${heard.length} events, none missing, none twice.`,
  );
}

await main();
