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
/** Ids of one millisecond have no order, and letters are requeued in theirs. */
let leftAtMs = 0;
async function leave({ group, stream, position, status = 'failed', source = 'event', body = {} }: Letter) {
  leftAtMs = Math.max(Date.now(), leftAtMs + 1);
  const id = uuidv7(leftAtMs);
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

describe('the explorer', () => {
  const names = (body: { items: { data: { name: string } }[] }) => body.items.map(({ data }) => data.name);
  let member: Member;
  before(async () => {
    member = await world.signUp();
    for (const name of ['ada', 'bert', 'carl', 'dora']) await member.post('/agents', { name, instructions: 'x' });
    await world.settle();
  });

  test('finds by several types, subject, and text in the data', async () => {
    const all = (await member.get('/events?type=agent_registered,agent_changed')).body;
    assert.deepEqual(names(all), ['dora', 'carl', 'bert', 'ada']);
    const [dora] = all.items;
    assert.deepEqual(names((await member.get(`/events?subject=${dora.subject}`)).body), ['dora']);
    assert.deepEqual(names((await member.get('/events?text=BERT')).body), ['bert']);
    assert.deepEqual((await member.get('/events?text=%25&type=agent_registered')).body.items, []);
    assert.deepEqual((await other.get('/events?text=bert')).body.items, []);
    assert.equal((await member.get(`/events?type=${Array.from({ length: 51 }, (_, n) => `t${n}`)}`)).status, 422);
  });

  test('finds by time and by position, the two together', async () => {
    const { items } = (await member.get('/events?type=agent_registered')).body;
    const [dora, carl, bert] = items;
    const between = `from_position=${bert.position}&to_position=${carl.position}`;
    assert.deepEqual(names((await member.get(`/events?type=agent_registered&${between}`)).body), ['carl', 'bert']);
    const later = new Date(Date.parse(dora.time) + 1).toISOString();
    const since = (await member.get(`/events?type=agent_registered&from=${encodeURIComponent(bert.time)}&to=${later}`))
      .body;
    assert.deepEqual(names(since), ['dora', 'carl', 'bert'].slice(0, names(since).length));
    assert.ok(names(since).includes('dora'));
    assert.deepEqual((await member.get(`/events?from=${later}&type=agent_registered`)).body.items, []);
    assert.deepEqual((await member.get('/events?to=2020-01-01T00:00:00Z')).body.items, []);
    assert.equal((await member.get('/events?from=yesterday')).status, 422);
  });

  test('pages through what it finds, as far as it looks at once', async () => {
    const found: string[] = [];
    let cursor = '';
    for (let pages = 0; pages < 10; pages++) {
      const { body } = await member.get(`/events?type=agent_registered&text=a&limit=1${cursor}`);
      found.push(...names(body));
      if (body.next_cursor === null) break;
      cursor = `&cursor=${encodeURIComponent(body.next_cursor)}`;
    }
    // In `data` there is an `a` in every one of them: in the names of the fields.
    assert.deepEqual(found, ['dora', 'carl', 'bert', 'ada']);
  });

  test('finds the events of a trace, its tenant’s only, and not a trace that is none', async () => {
    const [event] = (await member.get('/events?type=agent_registered&limit=1')).body.items;
    const trace = event.traceparent.split('-')[1];
    const found = (await member.get(`/events?trace=${trace.toUpperCase()}`)).body;
    assert.ok(found.items.some(({ id }: { id: string }) => id === event.id));
    for (const { traceparent } of found.items) assert.equal(traceparent.split('-')[1], trace);
    assert.equal(found.next_cursor, null);
    assert.deepEqual(names((await member.get(`/events?trace=${trace}&text=dora&type=agent_registered`)).body), [
      'dora',
    ]);
    assert.deepEqual((await other.get(`/events?trace=${trace}`)).body.items, []);
    assert.deepEqual((await member.get(`/events?trace=${'0'.repeat(32)}`)).body.items, []);
    assert.equal((await member.get(`/events?trace=${trace.slice(1)}`)).status, 422);
  });

  test('shows one event with its data and its trace, to its tenant only', async () => {
    const [event] = (await member.get('/events?type=agent_registered&limit=1')).body.items;
    const { status, body } = await member.get(`/events/${event.id}`);
    assert.equal(status, 200);
    const { trace_id, cursor, ...same } = body;
    assert.deepEqual(same, event);
    assert.equal(trace_id, event.traceparent.split('-')[1]);
    assert.equal(cursor, `${event.epoch}.${event.position}`);
    assert.equal((await other.get(`/events/${event.id}`)).status, 404);
    assert.equal((await member.get(`/events/${uuidv7()}`)).status, 404);
    assert.equal((await member.get('/events/00000000-0000-4000-8000-000000000000')).status, 404);
    const viewer = await world.apiKey(member, ['viewer']);
    const [hidden] = (await member.get('/events?type=tenant_created')).body.items;
    assert.equal((await viewer.get(`/events/${hidden.id}`)).status, 404);
  });
});

test('the streams: each shard and each group, who holds them, and how far behind they are', async () => {
  await owner.post('/agents', { name: 'streamed', instructions: 'x' });
  await world.settle();
  const { status, body } = await owner.get('/streams');
  assert.equal(status, 200);
  const { processes } = body as { processes: { id: string; self: boolean; pid: number; roles: string[] }[] };
  assert.equal(processes.length, world.apps.length);
  assert.equal(processes.filter(({ self }) => self).length, 1);
  assert.ok(processes.every(({ pid }) => pid === process.pid));
  const workers = processes.flatMap(({ id, roles }) => (roles.includes('worker') ? [id] : []));
  assert.equal(body.shards.length, 8);
  const mine = body.shards.filter(({ yours }: { yours: boolean }) => yours);
  assert.deepEqual(
    mine.map(({ shard }: { shard: number }) => shard),
    [shardOf(owner.tenantId)],
  );
  assert.ok(mine[0].head > 0 && mine[0].oldest === 1);
  for (const shard of body.shards)
    assert.deepEqual([shard.outbox.events, workers.includes(shard.sequencer)], [0, true]);
  assert.ok(body.groups.some(({ group }: { group: string }) => group === 'audit'));
  for (const { shards } of body.groups) {
    assert.equal(shards.length, 8);
    for (const { holder, lag_events, lag_seconds } of shards) {
      assert.ok(workers.includes(holder));
      assert.ok(lag_events >= 0 && lag_seconds >= 0);
    }
  }
  // A group that is behind: as the database says it, whoever holds it.
  await world.db.system.run(sql`
    insert into consumer_offsets (group_name, shard, position) values ('of_an_older_release', 0, 0)`);
  const again = (await owner.get('/streams')).body;
  assert.ok(!again.groups.some(({ group }: { group: string }) => group === 'of_an_older_release'));
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

describe('dead letters, many', () => {
  test('are found by type, stream and time', async () => {
    await leave({ group: 'found', stream: 's1', position: 1 });
    await leave({ group: 'found', stream: 's2', position: 2 });
    const count = async (more: string) => (await owner.get(`/dead-letters?group=found${more}`)).body.items.length;
    assert.equal(await count('&stream=s1'), 1);
    assert.equal(await count('&type=noted'), 2);
    assert.equal(await count('&type=other'), 0);
    assert.equal(await count('&from=2020-01-01T00:00:00Z'), 2);
    assert.equal(await count('&to=2020-01-01T00:00:00Z'), 0);
  });

  test('are requeued by their ids, with their streams; those of others are not', async () => {
    const [a, b] = [
      await leave({ group: 'ids', stream: 'a', position: 1 }),
      await leave({ group: 'ids', stream: 'b', position: 2 }),
    ];
    await leave({ group: 'ids', stream: 'b', position: 3, status: 'parked' });
    await leave({ group: 'ids', stream: 'c', position: 4 });
    assert.deepEqual((await other.post('/dead-letters/requeue', { ids: [a, b] })).body, { requeued: 0, kept: 0 });
    assert.deepEqual((await owner.post('/dead-letters/requeue', { ids: [a, b, uuidv7()] })).body, {
      requeued: 3,
      kept: 0,
    });
    assert.deepEqual(await statuses('ids'), [
      [4, 'failed'],
      [3, 'requeued'],
      [2, 'requeued'],
      [1, 'requeued'],
    ]);
    assert.equal((await owner.post('/dead-letters/requeue', { ids: [] })).status, 422);
  });

  test('of jobs whose key is taken stay, and say so', async () => {
    const body = { n: 1 };
    const id = await leave({ group: 'busy_kind', stream: 'key', position: 0, source: 'job', body });
    await leave({ group: 'busy_kind', stream: 'key', position: 1, source: 'job', body: { n: 2 } });
    await leave({ group: 'busy_kind', stream: 'free', position: 0, source: 'job', body });
    assert.deepEqual((await owner.post('/dead-letters/requeue', { group: 'busy_kind' })).body, {
      requeued: 2,
      kept: 1,
    });
    const [left] = (await owner.get('/dead-letters?group=busy_kind')).body.items;
    assert.notEqual(left.id, id);
    const refused = await owner.post(`/dead-letters/${left.id}/requeue`);
    assert.deepEqual([refused.status, refused.body.error.code], [409, 'conflict']);
    await world.db.system.run(sql`delete from jobs where kind = 'busy_kind'`);
    assert.deepEqual((await owner.post(`/dead-letters/${left.id}/requeue`)).body, { requeued: 1, kept: 0 });
    await world.db.system.run(sql`delete from jobs where kind = 'busy_kind'`);
  });

  test('are discarded by ids, by filter, or all; never by an empty wish', async () => {
    const first = await leave({ group: 'many', stream: 's', position: 1 });
    await leave({ group: 'many', stream: 's', position: 2, status: 'parked' });
    await leave({ group: 'many', stream: 't', position: 3 });
    assert.equal((await owner.post('/dead-letters/discard', {})).status, 422);
    assert.deepEqual((await owner.post('/dead-letters/discard', { ids: [first] })).body, { discarded: 1 });
    assert.deepEqual(await statuses('many'), [
      [3, 'failed'],
      [2, 'requeued'],
    ]);
    assert.deepEqual((await owner.post('/dead-letters/discard', { group: 'many', status: 'failed' })).body, {
      discarded: 1,
    });
    assert.deepEqual((await other.post('/dead-letters/discard', { all: true })).body, { discarded: 0 });
    await owner.post('/dead-letters/discard', { all: true });
    assert.deepEqual((await owner.get('/dead-letters')).body.items, []);
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
