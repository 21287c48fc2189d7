import assert from 'node:assert/strict';
import { test } from 'node:test';
import { microtasks, traces } from '../../../test/support/traces.ts';
import { AppError } from '../http/errors.ts';
import { createBulkhead } from './bulkhead.ts';

/** What an AbortSignal costs is more than all the rest of a trace. */
class Signal {
  aborted = false;
  reason: unknown;
  #listener: (() => void) | undefined;
  addEventListener(_type: string, listener: () => void): void {
    this.#listener = listener;
  }
  removeEventListener(): void {
    this.#listener = undefined;
  }
  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }
  abort(): void {
    this.aborted = true;
    this.reason = 'left';
    this.#listener?.();
  }
}

type Visit = { readonly signal: Signal; started: boolean; end(): void; result: unknown };

/** The bulkhead, told anew: who runs, and who waits in which order. */
const seen = { waited: 0, refused: 0, left: 0 };
const judge = await traces(100_000, async (chance) => {
  const limit = 1 + chance.int(3);
  const queue = chance.int(4);
  const gate = createBulkhead({ name: 'x', limit, queue });
  let [running, line]: [Visit[], Visit[]] = [[], []];
  const finish = (visit: Visit) => {
    running = running.filter((one) => one !== visit);
    const next = line.shift();
    if (next) running.push(next);
  };
  const steps = 4 + chance.int(10);
  for (let step = 0; step < steps; step += 1) {
    const what = chance.int(8);
    if (what < 4) {
      const { promise, resolve } = Promise.withResolvers<string>();
      const visit: Visit = { signal: new Signal(), started: false, end: () => resolve('done'), result: undefined };
      const work = () => {
        visit.started = true;
        return promise;
      };
      gate.run(work, visit.signal as unknown as AbortSignal).then(
        (value) => {
          visit.result = value;
        },
        (error: unknown) => {
          visit.result = error;
        },
      );
      if (running.length < limit) running.push(visit);
      else if (line.length < queue) {
        line.push(visit);
        seen.waited += 1;
      } else {
        await microtasks();
        assert.ok(visit.result instanceof AppError && visit.result.code === 'overloaded');
        seen.refused += 1;
      }
    } else if (what < 7) {
      // One or two that end in the same turn.
      const ending = [...running].filter(() => chance.in(0.5));
      for (const visit of ending) visit.end();
      for (const visit of ending) finish(visit);
    } else {
      const visit = line[chance.int(line.length)];
      if (visit) {
        visit.signal.abort();
        line = line.filter((one) => one !== visit);
        await microtasks();
        assert.equal(visit.result, 'left');
        assert.equal(visit.started, false);
        seen.left += 1;
      }
    }
    await microtasks();
    assert.deepEqual([gate.inUse(), gate.waiting()], [running.length, line.length]);
    assert.ok(running.every((visit) => visit.started) && !line.some((visit) => visit.started));
  }
});

test('lets in, keeps waiting and refuses as its reference model does, in 100,000 traces', (t) => {
  judge();
  t.diagnostic(JSON.stringify(seen));
  assert.ok(Math.min(...Object.values(seen)) > 1_000, JSON.stringify(seen));
});

test('a slot goes to whoever waits, not to a newcomer of the same turn', async () => {
  const gate = createBulkhead({ name: 'x', limit: 1, queue: 2 });
  const first = Promise.withResolvers<void>();
  const order: string[] = [];
  const running = [gate.run(() => first.promise), gate.run(async () => order.push('waited'))];
  // Comes between the end of the first and the start of the second.
  first.promise.then(() => running.push(gate.run(async () => order.push('newcomer'))));
  first.resolve();
  await Promise.all(running);
  await running[2];
  assert.deepEqual(order, ['waited', 'newcomer']);
});

test('a failure frees its slot; one who has left before does not come in', async () => {
  const gate = createBulkhead({ name: 'x', limit: 1, queue: 0 });
  const call = gate.wrap(async (_ctx: { signal: AbortSignal }, what: string) => {
    if (what === 'fail') throw new Error('failed');
    return what;
  });
  await assert.rejects(call({ signal: new AbortController().signal }, 'fail'), /failed/);
  await assert.rejects(call({ signal: AbortSignal.abort(new Error('gone')) }, 'x'), /gone/);
  assert.equal(await call({ signal: new AbortController().signal }, 'x'), 'x');
  assert.equal(gate.inUse(), 0);
});
