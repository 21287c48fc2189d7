import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sql } from 'kysely';
import { createWorld, type Member, type World } from '../../../test/support/world.ts';
import { uuidv7 } from '../../lib/ids.ts';
import { shardOf } from '../../platform/events/shards.ts';

let world: World;
let owner: Member;
let other: Member;
before(async () => {
  world = await createWorld();
  [owner, other] = [await world.signUp(), await world.signUp()];
});
after(() => world.stop());

type Letter = { group: string; stream: string; position: number; status?: string; source?: string; body?: unknown };

/** Leaves a letter as a consumer or the runner of jobs would, and answers its id. */
async function leave({ group, stream, position, status = 'failed', source = 'event', body = {} }: Letter) {
  const id = uuidv7();
  await world.db.system.run(sql`
    insert into dead_letters (tenant_id, id, source, group_name, shard, stream, position, status, type, body,
                              error_code, error_message, attempts)
    values (${owner.tenantId}, ${id}, ${source}, ${group}, ${shardOf(owner.tenantId)}, ${stream}, ${position},
            ${status}, 'noted', ${JSON.stringify(body)}::jsonb, 'poison', 'It was hopeless', 5)`);
  return id;
}
const statuses = async (group: string) => {
  const { body } = await owner.get(`/dead-letters?group=${group}`);
  return body.items
    .map((item: { position: number; status: string }) => [item.position, item.status])
    .sort(([a]: [number], [b]: [number]) => b - a);
};

describe('the log', () => {
  test('shows what happened in the tenant, newest first, page by page, and nothing of others', async () => {
    for (const name of ['a', 'b', 'c']) await owner.post('/agents', { name: `events-${name}`, instructions: 'x' });
    await world.settle();
    const all = await owner.get('/events?type=agent_registered&limit=100');
    assert.equal(all.status, 200);
    assert.deepEqual(
      all.body.items.map((item: { data: { name: string } }) => item.data.name),
      ['events-c', 'events-b', 'events-a'],
    );
    const [newest] = all.body.items;
    assert.equal(newest.tenantid, owner.tenantId);
    assert.match(newest.traceparent, /^00-/);
    assert.match(all.body.cursor, /^[0-9a-z]+\.\d+$/);
    const first = await owner.get('/events?type=agent_registered&limit=2');
    const second = await owner.get(
      `/events?type=agent_registered&limit=2&cursor=${encodeURIComponent(first.body.next_cursor)}`,
    );
    assert.deepEqual([...first.body.items, ...second.body.items], all.body.items);
    assert.equal(second.body.next_cursor, null);
    assert.deepEqual((await other.get('/events?type=agent_registered')).body.items, []);
    const ofStream = await owner.get(`/events?stream=${encodeURIComponent(newest.stream)}`);
    assert.ok(ofStream.body.items.every((item: { stream: string }) => item.stream === newest.stream));
  });

  test('can be followed from the cursor it was read at, all of it or by name', async () => {
    const { body } = await owner.get('/events?limit=1');
    await owner.post('/agents', { name: 'followed', instructions: 'x' });
    await owner.post('/documents', { title: 'Not asked for', text: 'x' });
    await world.settle();
    const leave = new AbortController();
    const path = `/events/stream?types=agent_registered,agent_changed&cursor=${body.cursor}`;
    const stream = await owner.open('GET', path, undefined, { signal: leave.signal });
    assert.equal(stream.status, 200);
    const text = await read(stream, 'followed');
    leave.abort();
    assert.match(text, /^retry: \d+\n\nid: [0-9a-z]+\.\d+\nevent: agent_registered\ndata: \{.*"followed".*\}\n\n$/);
  });

  test('refuses a cursor of another list or tenant, and too many names', async () => {
    const { body } = await owner.get('/events?limit=1');
    const foreign = encodeURIComponent(body.next_cursor);
    assert.equal((await other.get(`/events?limit=1&cursor=${foreign}`)).body.error.code, 'invalid_cursor');
    assert.equal((await owner.get(`/events?type=x&cursor=${foreign}`)).body.error.code, 'invalid_cursor');
    assert.equal((await owner.get('/events/stream?cursor=nonsense')).body.error.code, 'invalid_cursor');
    const names = Array.from({ length: 51 }, (_, i) => `discussions/${i}`).join(',');
    assert.equal((await owner.get(`/events/stream?streams=${names}`)).status, 422);
    assert.equal((await owner.get('/events/stream?streams=,')).status, 422);
  });
});

describe('dead letters', () => {
  test('are listed and read, by group, source and status, by those who may', async () => {
    const id = await leave({ group: 'listed', stream: 'agents/1', position: 7, body: { data: { n: 1 } } });
    const { body } = await owner.get('/dead-letters?group=listed&status=failed&source=event');
    assert.equal(body.items.length, 1);
    assert.deepEqual(
      { ...body.items[0], created_at: 'x', updated_at: 'x' },
      {
        ...{ id, source: 'event', group: 'listed', stream: 'agents/1', type: 'noted', position: 7, status: 'failed' },
        ...{
          error_code: 'poison',
          error_message: 'It was hopeless',
          attempts: 5,
          crashes: 0,
          trace_id: null,
          created_at: 'x',
          updated_at: 'x',
        },
      },
    );
    assert.deepEqual((await owner.get(`/dead-letters/${id}`)).body.body, { data: { n: 1 } });
    assert.deepEqual((await owner.get('/dead-letters?group=listed&status=parked')).body.items, []);
    assert.deepEqual((await other.get('/dead-letters')).body.items, []);
    assert.equal((await other.get(`/dead-letters/${id}`)).status, 404);
    const viewer = await world.apiKey(owner, ['viewer']);
    assert.equal((await viewer.get('/dead-letters')).status, 403);
    assert.equal((await viewer.post('/dead-letters/requeue', {})).status, 403);
  });

  test('of a stream are requeued together, whichever is named', async () => {
    await leave({ group: 'queue', stream: 's', position: 1 });
    const behind = await leave({ group: 'queue', stream: 's', position: 2, status: 'parked' });
    await leave({ group: 'queue', stream: 'other', position: 3 });
    assert.equal((await other.post(`/dead-letters/${behind}/requeue`)).status, 404);
    const { body } = await owner.post(`/dead-letters/${behind}/requeue`);
    assert.deepEqual(body, { requeued: 2, kept: 0 });
    assert.deepEqual(await statuses('queue'), [
      [3, 'failed'],
      [2, 'requeued'],
      [1, 'requeued'],
    ]);
    assert.deepEqual((await owner.post('/dead-letters/requeue', { group: 'queue' })).body, { requeued: 1, kept: 0 });
    assert.deepEqual((await other.post('/dead-letters/requeue', {})).body, { requeued: 0, kept: 0 });
  });

  test('that are requeued reach their consumer again', async () => {
    const { body } = await owner.get('/events?type=tenant_created');
    // The record takes an event once, by its id.
    const event = { ...body.items[0], id: uuidv7() };
    const records = async () =>
      (await owner.get('/audit-log?limit=100')).body.items.filter(
        (item: { type: string }) => item.type === 'tenant_created',
      ).length;
    const before = await records();
    const { stream, position } = event;
    const id = await leave({ group: 'audit', stream, position, body: event });
    assert.deepEqual((await owner.post(`/dead-letters/${id}/requeue`)).body, { requeued: 1, kept: 0 });
    await world.settle();
    assert.equal((await owner.get(`/dead-letters/${id}`)).status, 404);
    assert.equal(await records(), before + 1);
  });

  test('of jobs become jobs again, once', async () => {
    const id = await leave({ group: 'no_such_kind', stream: 'key', position: 0, source: 'job', body: { n: 1 } });
    const answers = await Promise.all([1, 2, 3].map(() => owner.post(`/dead-letters/${id}/requeue`)));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 404, 404]);
    const jobs = await world.db.system.all<{ key: string; payload: unknown }>(sql`
      select key, payload from jobs where kind = 'no_such_kind'`);
    assert.deepEqual(jobs, [{ key: 'key', payload: { n: 1 } }]);
    await world.db.system.run(sql`delete from jobs where kind = 'no_such_kind'`);
    await leave({ group: 'no_such_kind', stream: 'a', position: 0, source: 'job' });
    await leave({ group: 'no_such_kind', stream: 'b', position: 0, source: 'job' });
    const all = await owner.post('/dead-letters/requeue', { source: 'job', group: 'no_such_kind' });
    assert.deepEqual(all.body, { requeued: 2, kept: 0 });
    await world.db.system.run(sql`delete from jobs where kind = 'no_such_kind'`);
  });

  test('are discarded for good, and what was behind a failed one goes on', async () => {
    const failed = await leave({ group: 'gone', stream: 's', position: 1 });
    await leave({ group: 'gone', stream: 's', position: 2, status: 'parked' });
    assert.equal((await other.delete(`/dead-letters/${failed}`)).status, 404);
    assert.equal((await owner.delete(`/dead-letters/${failed}`)).status, 204);
    assert.equal((await owner.delete(`/dead-letters/${failed}`)).status, 404);
    assert.deepEqual(await statuses('gone'), [[2, 'requeued']]);
  });
});

/** Reads a stream until `part` and the end of its frame have come. */
async function read(response: Response, part: string): Promise<string> {
  let text = '';
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    const at = text.indexOf(part);
    if (at >= 0 && text.includes('\n\n', at)) break;
  }
  return text;
}
