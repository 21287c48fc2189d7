import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { excess } from './shares.ts';

const shards = (kind: string, count = 8) => Array.from({ length: count }, (_, n) => `${kind}/${n}`);

test('a process keeps its share of each kind, and gives the rest back', () => {
  const wanted = [...shards('sequencer'), ...shards('consumer/audit'), 'schedule/retention'];
  assert.deepEqual(excess(wanted, wanted, 1), []);
  const given = excess(wanted, wanted, 2);
  assert.deepEqual(given.sort(), [...shards('consumer/audit').slice(4), ...shards('sequencer').slice(4)]);
  assert.deepEqual(excess(['sequencer/7', 'schedule/retention'], wanted, 2), []);
  assert.equal(excess(shards('sequencer'), wanted, 3).length, 5);
});

test('however many there are: nobody gives away what the others have no room for, and giving comes to an end', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.array(fc.nat(11), { minLength: 8, maxLength: 8 }),
      (processes, places) => {
        const wanted = shards('sequencer');
        const of = (process: number) => wanted.filter((_, n) => (places[n] as number) % processes === process);
        const given = Array.from({ length: processes }, (_, process) => excess(of(process), wanted, processes));
        const kept = Array.from(
          { length: processes },
          (_, process) => of(process).length - (given[process]?.length ?? 0),
        );
        const share = Math.ceil(8 / processes);
        assert.ok(kept.every((count) => count <= share));
        const room = kept.reduce((sum, count) => sum + share - count, 0);
        assert.ok(room >= given.flat().length);
      },
    ),
  );
});
