import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { locateNginx, startDoor } from '../../scripts/testing/nginx.ts';
import { createClient } from '../support/client.ts';
import { type Cluster, startCluster } from '../support/cluster.ts';
import { follow, stands } from '../support/discussions.ts';
import { noRedis } from '../support/redis.ts';
import type { Member } from '../support/world.ts';

const nginx = locateNginx();
const skip = noRedis || (nginx ? false : 'there is no nginx on this machine');

let cluster: Cluster;
let door: { url: string; stop(): Promise<void> };
before(async () => {
  if (skip || !nginx) return;
  cluster = await startCluster({ roles: ['api', 'api', 'worker'], env: { TRUSTED_PROXIES: '127.0.0.1' } });
  const portOf = (n: number) => cluster.member('api', n).ports[0] as number;
  door = await startDoor(nginx, [portOf(0), portOf(1)]);
});
after(async () => {
  await door?.stop();
  await cluster?.stop();
});

const asked = (member: Cluster['members'][number]) =>
  fetch(`http://127.0.0.1:${member.ports[2]}/metrics`)
    .then((answer) => answer.text())
    .then((text) => [...text.matchAll(/^http_request_duration_seconds_count\{.*\} (\d+)$/gm)])
    .then((lines) => lines.reduce((sum, [, count]) => sum + Number(count), 0));

test('two api processes behind nginx are one: any of them answers, streams are not held back, one may end', {
  skip,
}, async () => {
  const at = (token?: string) => createClient(() => ({ url: door.url, prefix: '/api/v1' }), token);
  const { body: account } = await at().post('/auth/register', {
    ...{ email: 'grace@example.com', password: 'a long walk to the harbour', tenant_name: 'T' },
  });
  const me = at(account.access_token);
  const participants = [];
  for (const name of ['ada', 'bruno'])
    participants.push({
      agent_id: (await me.post('/agents', { name, model: 'rehearsal', instructions: 'Speak.' })).body.id,
    });
  for (let n = 0; n < 20; n++) assert.equal((await me.get('/agents')).status, 200);
  const counts = await Promise.all([cluster.member('api', 0), cluster.member('api', 1)].map(asked));
  assert.ok(
    counts.every((count) => count > 5),
    `both answered: ${counts}`,
  );

  const { body: made } = await me.post('/discussions', {
    topic: 'What lasts?',
    participants,
    limits: { max_turns: 3 },
    start: false,
  });
  const events = await follow(me as Member, made.id, { lastEventId: made.cursor });
  // Who follows only after the last word is told no more of it live.
  const [heardUntilThen] = await Promise.all([
    events.until(({ event }) => event === 'message_delta').then(() => events.types()),
    me.post(`/discussions/${made.id}/resume`),
  ]);
  assert.ok(!heardUntilThen.includes('discussion_completed'), 'the words come while they are said');
  await events.until(stands);
  events.close();

  await cluster.member('api', 0).kill('SIGTERM');
  for (let n = 0; n < 20; n++) assert.equal((await me.get(`/discussions/${made.id}`)).body.status, 'completed');
  assert.equal((await me.post('/agents', { name: 'carla', model: 'rehearsal', instructions: 'Speak.' })).status, 201);
});
