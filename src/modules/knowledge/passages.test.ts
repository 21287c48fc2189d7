import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { createWorld, type Member, type World } from '../../../test/support/world.ts';
import { PASSAGE_CHARS, passagesOf } from './passages.ts';

let world: World;
let me: Member;
before(async () => {
  world = await createWorld();
  me = await world.signUp();
});
after(() => world.stop());

test('nothing of a text is lost but the white space between its passages, and none is longer than its bound', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 300 }),
    fc.constantFrom('\n\n', '. ', ' ', '\n', '😀'.repeat(700), 'x'.repeat(1_500)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const text = pieces.join('');
      const passages = passagesOf(text);
      const bare = (some: string) => some.replace(/\s+/g, '');
      assert.equal(bare(passages.join('')), bare(text));
      for (const passage of passages) {
        assert.ok(passage.length <= PASSAGE_CHARS && passage.trim() === passage && passage !== '');
        if (text.isWellFormed()) assert.ok(passage.isWellFormed());
      }
    }),
    { numRuns: 50 },
  );
});

test('a text is cut between paragraphs, else between sentences, else between words', () => {
  const sentence = 'Some words that make a sentence of a certain length here. ';
  const [first, second] = passagesOf(`${sentence.repeat(10)}\n\n${sentence.repeat(10)}`);
  assert.equal(first, sentence.repeat(10).trim());
  assert.equal(second, first);
  for (const passage of passagesOf(sentence.repeat(100))) assert.match(passage, /^Some [\s\S]*here\.$/);
  for (const passage of passagesOf('word '.repeat(1_000))) assert.match(passage, /^word [\s\S]*word$/);
});

test('a text of the largest size is cut in no time, whatever it is made of', () => {
  for (const unit of ['word. ', '\n', 'x', ' \n', '😀', '.\n\n ']) {
    const text = unit.repeat(Math.floor(1_048_576 / Buffer.byteLength(unit)));
    const begun = process.cpuUsage();
    passagesOf(text);
    const { user } = process.cpuUsage(begun);
    assert.ok(user < 1_000_000, `${JSON.stringify(unit)} took ${user} µs`);
  }
});

test('passages are found by their words, of the documents that are named, and of nobody else’s', async () => {
  const { knowledge } = world.app;
  const make = async (title: string, text: string): Promise<string> =>
    (await me.post('/documents', { title, text })).body.id;
  const filler = 'Nothing of interest is told in this line of text. '.repeat(30);
  const one = await make('One', `${filler}\n\nThe heron's nest is made of reeds.\n\n${filler}`);
  const two = await make('Two', `${filler}\n\nHerons stand in the water.`);
  const reader = world.db.reader(me.ctx);
  const find = async (ids: string[], query: string, limit = 5) =>
    (await knowledge.passages(reader, { ids, query, limit })).map(({ title, text }) => `${title}: ${text}`);
  const [best] = await find([one, two], 'heron reeds');
  assert.match(best ?? '', /^One: [\s\S]*reeds\./);
  assert.match((await find([two], 'heron reeds', 1))[0] ?? '', /^Two: [\s\S]*Herons/);
  const beginnings = await find([one], `'"\\ & | ! ( ) :* <->`, 1);
  assert.match(beginnings[0] ?? '', /^One: Nothing of interest/, 'no word at all: the beginning');
  assert.deepEqual([await find([], 'heron'), await find([one], 'heron', 0)], [[], []]);
  const other = await world.signUp();
  const theirs = await knowledge.passages(world.db.reader(other.ctx), { ids: [one, two], query: 'heron', limit: 5 });
  assert.deepEqual(theirs, []);
});
