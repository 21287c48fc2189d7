import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SystemReport } from '@parley/sdk';
import { breakersOf } from './breakers.ts';

type Breakers = SystemReport['breakers'];
const process = (pid: number, breakers: Breakers, self = false) => ({
  ...{ id: `${pid}`, host: 'a', pid, roles: ['api'], since: '2026-01-01T00:00:00.000Z', self, breakers },
});
const report = (breakers: Breakers, processes: ReturnType<typeof process>[] | null) =>
  ({ breakers, processes }) as SystemReport;
const closed = { name: 'payments', state: 'closed' } as const;
const open = { name: 'payments', state: 'open' } as const;
const trying = { name: 'payments', state: 'half_open' } as const;

test('a breaker stands once, as badly as anywhere, and says where', () => {
  const all = [process(1, [closed], true), process(2, [trying]), process(3, [open]), process(4, [open])];
  assert.deepEqual(breakersOf(report([closed], all)), [{ ...open, where: ['a, 3', 'a, 4'] }]);
});

test('closed everywhere, or alone, it says no place', () => {
  const two = [process(1, [closed], true), process(2, [closed])];
  assert.deepEqual(breakersOf(report([closed], two)), [{ ...closed, where: [] }]);
  assert.deepEqual(breakersOf(report([open], [process(1, [closed], true)])), [{ ...open, where: [] }]);
});

test('the process that answers knows best of itself, and all there is to know while the database is away', () => {
  const two = [process(1, [open], true), process(2, [closed])];
  assert.deepEqual(breakersOf(report([closed], two)), [{ ...closed, where: [] }]);
  assert.deepEqual(breakersOf(report([open], null)), [{ ...open, where: [] }]);
});

test('one that only another process has is shown, too', () => {
  const two = [process(1, [], true), process(2, [{ name: 'redis', state: 'closed' }])];
  assert.deepEqual(breakersOf(report([], two)), [{ name: 'redis', state: 'closed', where: [] }]);
});
