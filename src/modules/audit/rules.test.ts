import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { uuidv7 } from '../../lib/ids.ts';
import { actorOf, type Entry, follow, GENESIS, hashOf, type Link } from './rules.ts';

const tenantId = uuidv7();
const entry = (seq: number, change: Partial<Entry> = {}): Entry => ({
  ...{ tenantId, seq, eventId: `event ${seq}`, type: 'user_signed_in', time: '2026-11-21T12:00:00.000Z' },
  ...{ actorKind: 'user', actorId: 'ada', subject: 'ada', data: { n: seq } },
  ...change,
});

function chain(length: number): Link[] {
  const links: Link[] = [];
  for (let seq = 1; seq <= length; seq += 1) {
    const previousHash = links.at(-1)?.hash ?? GENESIS;
    links.push({ ...entry(seq), previousHash, hash: hashOf(previousHash, entry(seq)) });
  }
  return links;
}
const START = { seq: 0, hash: GENESIS };
const brokenAt = (links: readonly Link[]) => {
  const result = follow(START, links);
  return 'broken' in result ? result.broken : undefined;
};

test('a chain is followed to its head, in one piece or in several', () => {
  const links = chain(5);
  const whole = follow(START, links);
  assert.ok('head' in whole);
  assert.deepEqual(whole.head, { seq: 5, hash: links[4]?.hash });
  const half = follow(START, links.slice(0, 2));
  assert.ok('head' in half);
  assert.deepEqual(follow(half.head, links.slice(2)), whole);
  assert.deepEqual(follow(START, []), { head: START });
});

test('whatever was done to a chain, the first record that does not fit is named', () => {
  const links = chain(5);
  const without = (seq: number) => links.filter((link) => link.seq !== seq);
  const changed = (seq: number, change: Partial<Link>) =>
    links.map((link) => (link.seq === seq ? { ...link, ...change } : link));
  assert.deepEqual(brokenAt(without(1)), { seq: 1, reason: 'missing' });
  assert.deepEqual(brokenAt(without(3)), { seq: 3, reason: 'missing' });
  assert.deepEqual(brokenAt(without(3).map((link, i) => ({ ...link, seq: i + 1 }))), { seq: 3, reason: 'relinked' });
  for (const change of [
    { data: { n: 99 } },
    { type: 'user_signed_out' },
    { time: '2026-11-21T12:00:00.001Z' },
    { actorId: 'eve' },
    { actorKind: null },
    { subject: 'eve' },
    { eventId: 'another' },
    { tenantId: uuidv7() },
    { hash: GENESIS },
  ])
    assert.deepEqual(brokenAt(changed(3, change)), { seq: 3, reason: 'altered' }, JSON.stringify(change));
  assert.deepEqual(brokenAt(changed(3, { previousHash: GENESIS })), { seq: 3, reason: 'relinked' });
  // Somebody who alters a record and hashes it anew is found one record later.
  const previousHash = links[1]?.hash ?? GENESIS;
  const forged = entry(3, { actorId: 'eve' });
  assert.deepEqual(brokenAt(changed(3, { ...forged, hash: hashOf(previousHash, forged) })), {
    seq: 4,
    reason: 'relinked',
  });
});

test('the hash survives a database that keeps neither the order of fields nor absent ones', () => {
  const shuffled = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shuffled);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([name, field]) => [name, shuffled(field)]),
    );
  };
  fc.assert(
    fc.property(fc.jsonValue(), (data) => {
      const stored = shuffled(JSON.parse(JSON.stringify(data)));
      assert.deepEqual(hashOf(GENESIS, entry(1, { data })), hashOf(GENESIS, entry(1, { data: stored })));
    }),
  );
  assert.deepEqual(
    hashOf(GENESIS, entry(1, { data: { a: 1, b: undefined } })),
    hashOf(GENESIS, entry(1, { data: { a: 1 } })),
  );
});

test('different data hash differently, whatever they look like', () => {
  const hashes = [
    {},
    [],
    null,
    '',
    0,
    false,
    { a: 1 },
    { a: '1' },
    { a: [1] },
    ['a', 1],
    { a: {} },
    ['object', []],
  ].map((data) => hashOf(GENESIS, entry(1, { data })).toString('hex'));
  assert.equal(new Set(hashes).size, hashes.length);
});

test('the actor is who `by` names', () => {
  assert.deepEqual(actorOf({ by: { kind: 'user', id: 'ada' } }), { kind: 'user', id: 'ada' });
  for (const data of [null, {}, { by: null }, { by: 'ada' }, { by: { kind: 'user' } }, 7])
    assert.equal(actorOf(data), undefined);
});
