import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atOnce, inOrder, type Service } from './lifecycle.ts';

function recorder() {
  const said: string[] = [];
  const service = (name: string, over: Partial<Service> = {}): Service => ({
    name,
    start: async () => void said.push(`start ${name}`),
    stop: async () => void said.push(`stop ${name}`),
    ...over,
  });
  return { said, service };
}

test('starts in order and stops in reverse, once, however often it is told', async () => {
  const { said, service } = recorder();
  const all = inOrder('all', [service('a'), service('b')]);
  await Promise.all([all.start(), all.start()]);
  await Promise.all([all.stop(100), all.stop(100)]);
  await all.stop(100);
  assert.deepEqual(said, ['start a', 'start b', 'stop b', 'stop a']);
});

test('a part that fails to start takes those before it down with it, and those behind it never start', async () => {
  const { said, service } = recorder();
  const failing = service('b', { start: () => Promise.reject(new Error('no port')) });
  await assert.rejects(inOrder('all', [service('a'), failing, service('c')]).start(), /no port/);
  assert.deepEqual(said, ['start a', 'stop b', 'stop a']);
});

test('stopped while it starts, it goes no further', async () => {
  const { said, service } = recorder();
  const gate = Promise.withResolvers<void>();
  const slow = service('a', { start: () => gate.promise.then(() => void said.push('start a')) });
  const all = inOrder('all', [slow, service('b')]);
  const starting = all.start();
  const stopping = all.stop(1000);
  gate.resolve();
  await Promise.all([starting, stopping]);
  assert.deepEqual(said, ['start a', 'stop a']);
});

test('stopped before it was started, it does nothing', async () => {
  const { said, service } = recorder();
  const all = inOrder('all', [service('a')]);
  await all.stop(10);
  await all.start();
  assert.deepEqual(said, []);
});

test('a part that fails to stop is named, and the others are stopped nevertheless', async () => {
  const { said, service } = recorder();
  const failing = service('b', { stop: () => Promise.reject(new Error('stuck')) });
  const all = inOrder('all', [service('a'), failing, service('c')]);
  await all.start();
  await assert.rejects(all.stop(100), /b did not stop/);
  assert.deepEqual(said.slice(3), ['stop c', 'stop a']);
});

test('a part that outstays the deadline is given up, and the rest gets what is left', async () => {
  const { said, service } = recorder();
  const deadlines: number[] = [];
  const hanging = service('b', { stop: () => new Promise<void>(() => {}) });
  const first = service('a', { stop: async (ms) => void deadlines.push(ms) });
  const all = inOrder('all', [first, hanging]);
  await all.start();
  await assert.rejects(all.stop(20), /b did not stop/);
  assert.deepEqual(deadlines, [0]);
  assert.deepEqual(said, ['start a', 'start b']);
});

test('stopped at once, none waits for another, and one that fails is named', async () => {
  const { said, service } = recorder();
  const gate = Promise.withResolvers<void>();
  const slow = service('a', { stop: () => gate.promise.then(() => void said.push('stop a')) });
  const failing = service('c', { stop: () => Promise.reject(new Error('stuck')) });
  const all = atOnce('all', [slow, service('b'), failing]);
  await all.start();
  const stopped = all.stop(1000);
  assert.deepEqual(said, ['start a', 'start b', 'start c', 'stop b']);
  gate.resolve();
  await assert.rejects(stopped, /c did not stop/);
  assert.equal(said.at(-1), 'stop a');
});

test('stopped at once where one did not start, only what was begun is stopped', async () => {
  const { said, service } = recorder();
  const failing = service('b', { start: () => Promise.reject(new Error('no port')) });
  const all = inOrder('outer', [atOnce('all', [service('a'), failing, service('c')])]);
  await assert.rejects(all.start(), /no port/);
  assert.deepEqual(said, ['start a', 'stop a', 'stop b']);
});
