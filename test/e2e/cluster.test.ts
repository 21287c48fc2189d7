import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { type Cluster, startCluster } from '../support/cluster.ts';
import { type Follower, type Frame, follow, stands } from '../support/discussions.ts';
import { until } from '../support/log.ts';
import { openaiProtocol } from '../support/providers/openai.ts';
import { StandIn } from '../support/providers/stand-in.ts';
import { noRedis } from '../support/redis.ts';
import type { Member } from '../support/world.ts';

const WORDS = Array.from({ length: 50 }, (_, n) => `word${n} `);
const SAID = WORDS.join('');
const TURNS = 4;

let cluster: Cluster;
let provider: StandIn;
before(async () => {
  if (noRedis) return;
  provider = await StandIn.start(openaiProtocol);
  provider.script({ does: 'answer', pieces: WORDS, gapMs: 15 });
  cluster = await startCluster({
    roles: ['api', 'api', 'worker', 'worker'],
    env: { OPENAI_COMPATIBLE_URL: provider.baseUrl },
  });
});
after(async () => {
  await cluster?.stop();
  await provider?.[Symbol.asyncDispose]();
});

/** The process that runs the discussion's turn. */
async function whoSpeaks(): Promise<number> {
  let pid: number | undefined;
  await until(async () => {
    const row = await cluster.database.db.system.first<{ pid: number }>(
      sql`select p.pid from jobs j join processes p on p.id = j.holder where j.kind = 'discussions.turn'`,
    );
    pid = row?.pid;
    return pid !== undefined;
  });
  return pid as number;
}

const deltaOf =
  (turn: number, attempt = 1, offset = 1) =>
  (frame: Frame) =>
    frame.event === 'message_delta' &&
    frame.data.turn === turn &&
    frame.data.attempt === attempt &&
    frame.data.offset >= offset;

/** What was told of each attempt, piece behind piece: a piece that does not fit is a hole, or a double. */
function texts({ frames }: Follower): Map<string, string> {
  const told = new Map<string, string>();
  for (const { event, data } of frames) {
    const key = `${data.turn}/${data.attempt}`;
    if (event === 'turn_snapshot') told.set(key, data.text);
    if (event !== 'message_delta') continue;
    assert.equal(data.offset, told.get(key)?.length ?? 0, `a hole, or a double, in turn ${key}`);
    told.set(key, (told.get(key) ?? '') + data.text);
  }
  return told;
}

test('a discussion goes on over four processes, though Redis is emptied and a worker killed', {
  skip: noRedis,
}, async () => {
  const [first, second] = [cluster.member('api', 0), cluster.member('api', 1)];
  const { body: account } = await first.as().post('/auth/register', {
    ...{ email: 'grace@example.com', password: 'a long walk to the harbour', tenant_name: 'T' },
  });
  const [me, other] = [first.as(account.access_token), second.as(account.access_token)];
  const participants = [];
  for (const name of ['ada', 'bruno']) {
    const { body } = await me.post('/agents', { name, model: 'local/small', instructions: `You are ${name}.` });
    participants.push({ agent_id: body.id });
  }
  const made = await me.post('/discussions', { topic: 'What lasts?', participants, limits: { max_turns: TURNS } });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const { id, cursor } = made.body;
  const events = await follow(other as Member, id, { lastEventId: cursor });

  await events.until(deltaOf(2, 1, 40));
  const redis = await cluster.redis.open();
  await redis.commands.flushall();
  const late = await follow(me as Member, id);

  await events.until(deltaOf(3, 1, 40));
  const pid = await whoSpeaks();
  const worker = cluster.members.find((member) => member.pid === pid);
  assert.equal(worker?.role, 'worker');
  await worker?.kill('SIGKILL');
  await events.until(deltaOf(3, 2, 0));
  await events.until(stands);

  assert.deepEqual(
    events.types().filter((type) => type !== 'discussion_started'),
    [
      'turn_started',
      'message_posted',
      'turn_started',
      'message_posted',
      'turn_started',
      'turn_started',
      'message_posted',
    ].concat(['turn_started', 'message_posted', 'discussion_completed']),
  );
  const told = texts(events);
  for (const key of ['1/1', '2/1', '3/2', '4/1']) assert.equal(told.get(key), SAID, `turn ${key}`);
  assert.ok(SAID.startsWith(told.get('3/1') ?? ''), 'what was said before the kill');
  await late.until(stands);
  assert.equal(texts(late).get('4/1'), SAID);
  const { body: messages } = await other.get(`/discussions/${id}/messages`);
  assert.deepEqual(
    messages.items.map(({ turn, content }: { turn: number; content: string }) => [turn, content.trim()]),
    [1, 2, 3, 4].map((turn) => [turn, SAID.trim()]),
  );
  for (const follower of [events, late]) follower.close();
});
