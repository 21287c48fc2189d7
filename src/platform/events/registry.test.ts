import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type } from 'typebox';
import { defineEvent } from './define.ts';
import { createEventTypes, type EventRow } from './registry.ts';
import { SHARDS, shardOf } from './shards.ts';

const v1 = defineEvent({
  type: 'moved',
  version: 1,
  topic: 'agents',
  description: 'Something moved.',
  schema: Type.Object({ to: Type.String() }),
  example: { to: 'a' },
});
const v2 = defineEvent({
  type: 'moved',
  version: 2,
  topic: 'agents',
  description: 'Something moved.',
  schema: Type.Object({ target: Type.String() }),
  example: { target: 'a' },
  upcast: (old) => ({ target: (old as { to: string }).to }),
});
const v3 = defineEvent({
  type: 'moved',
  version: 3,
  topic: 'agents',
  description: 'Something moved.',
  schema: Type.Object({ target: Type.String(), far: Type.Boolean() }),
  example: { target: 'a', far: false },
  upcast: (old) => ({ target: (old as { target: string }).target, far: false }),
});

const row = (dataversion: number, data: unknown, type = 'moved'): EventRow => ({
  shard: 3,
  position: 7,
  tenant_id: '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0c22',
  id: '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0c23',
  type,
  dataversion,
  stream: 'agents/1',
  subject: '1',
  data,
  time: new Date('2026-01-02T03:04:05.678Z'),
  traceparent: null,
});

test('an event of an older version is read as the newest, step by step', () => {
  const types = createEventTypes();
  types.register([v1, v2, v3]);
  for (const [version, data] of [
    [1, { to: 'x' }],
    [2, { target: 'x' }],
    [3, { target: 'x', far: false }],
  ] as const) {
    const event = types.read(row(version, data), 'e1');
    assert.deepEqual([event.dataversion, event.data], [3, { target: 'x', far: false }]);
  }
});

test('an event is a CloudEvent with ours beside it; what is not there is absent', () => {
  const types = createEventTypes();
  types.register([v1]);
  assert.deepEqual(types.read(row(1, { to: 'x' }), 'e1'), {
    specversion: '1.0',
    id: '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0c23',
    source: 'parley',
    type: 'moved',
    time: '2026-01-02T03:04:05.678Z',
    subject: '1',
    datacontenttype: 'application/json',
    data: { to: 'x' },
    dataversion: 1,
    tenantid: '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0c22',
    stream: 'agents/1',
    position: 7,
    epoch: 'e1',
  });
});

test('what this release does not know yet stays as it is', () => {
  const types = createEventTypes();
  types.register([v1, v2]);
  assert.deepEqual(types.read(row(9, { future: true }), 'e1').data, { future: true });
  assert.deepEqual(types.read(row(9, { future: true }), 'e1').dataversion, 9);
  assert.deepEqual(types.read(row(1, { a: 1 }, 'unheard_of'), 'e1').data, { a: 1 });
});

test('what an upcast did not think of stays as it is, and stops nothing', () => {
  const types = createEventTypes();
  types.register([v1, v2]);
  const event = types.read(row(1, null), 'e1');
  assert.deepEqual([event.data, event.dataversion], [null, 1]);
});

test('a letter that was kept by an older release is read like the log', () => {
  const types = createEventTypes();
  types.register([v1]);
  const kept = types.read(row(1, { to: 'x' }), 'e1');
  types.register([v2]);
  assert.deepEqual(types.upgrade(kept), { ...kept, data: { target: 'x' }, dataversion: 2 });
});

test('a version twice, or one that cannot be reached, is refused at the start', () => {
  const types = createEventTypes();
  types.register([v1]);
  assert.throws(() => types.register([v1]), /twice/);
  const { upcast: _, ...without } = v2;
  assert.throws(() => types.register([without]), /upcast/);
});

test('a tenant’s shard is part of the data: these must never change', () => {
  const known = {
    '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0c22': 1,
    '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0c23': 2,
    '00000000-0000-4000-8000-000000000000': 5,
    '018f0000-0000-7000-8000-00000000abcd': 4,
  };
  for (const [tenantId, shard] of Object.entries(known)) assert.equal(shardOf(tenantId), shard);
});

test('tenants spread over all shards', () => {
  const counts = new Array<number>(SHARDS).fill(0);
  for (let i = 0; i < 8000; i++) {
    const shard = shardOf(`0192d3a0-6c1e-7b6a-9d52-${i.toString(16).padStart(12, '0')}`);
    counts[shard] = (counts[shard] ?? 0) + 1;
  }
  for (const count of counts) assert.ok(count > 800 && count < 1200, counts.join(' '));
});
