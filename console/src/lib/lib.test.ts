import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ago, bytes, clock, cost, duration, listed, plural } from './format.ts';
import { blocks, type Inline, inlines } from './markdown.ts';
import { snippetParts } from './snippet.ts';
import { HUES, hueOf, huesAt, initials } from './speakers.ts';

const words = (parts: Inline[]): string =>
  parts.map((part) => ('text' in part ? part.text : words(part.children))).join('');

test('Markdown as models write it becomes a tree', () => {
  assert.deepEqual(
    blocks('# Plan\nFirst **this**, then *that*.\n\n1. `a`\n2. b\n- c\n> quoted\n```ts\nx < 1\n```').map(
      ({ kind }) => kind,
    ),
    ['heading', 'paragraph', 'list', 'list', 'quote', 'code'],
  );
  assert.deepEqual(inlines('a **b** [c](https://d.example/e) snake_case_name 2 * 3 * 4'), [
    { kind: 'text', text: 'a ' },
    { kind: 'strong', children: [{ kind: 'text', text: 'b' }] },
    { kind: 'text', text: ' ' },
    { kind: 'link', href: 'https://d.example/e', children: [{ kind: 'text', text: 'c' }] },
    { kind: 'text', text: ' snake_case_name 2 * 3 * 4' },
  ]);
});

test('HTML and links to anything but the web stay text', () => {
  const evil = '<img src=x onerror=alert(1)> [x](javascript:alert(1))';
  assert.deepEqual(inlines(evil), [{ kind: 'text', text: evil }]);
});

test('any text can be drawn, unfinished too, in little time', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('*', '_', '`', '[', ']', '(', ')', '#', '-', ' ', '\n', 'a', '1', '.') }),
      (text) => {
        assert(Array.isArray(blocks(text)));
      },
    ),
  );
  const before = performance.now();
  blocks(`${'**a '.repeat(5_000)}\n${'[a]('.repeat(5_000)}`);
  assert(performance.now() - before < 2_000);
});

test('text without marks is kept word by word', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', 'B', ' ', '.', ',', 'é') }), (text) => {
      assert.equal(words(inlines(text)), text);
    }),
  );
});

test('an unfinished block of code is code', () => {
  assert.deepEqual(blocks('```\nhalf'), [{ kind: 'code', text: 'half' }]);
});

test('a snippet is taken apart, and what it escapes is text again', () => {
  assert.deepEqual(snippetParts('a &lt;b&gt; <mark>R&amp;D</mark> &amp;lt;'), [
    { text: 'a <b> ', found: false },
    { text: 'R&D', found: true },
    { text: ' &lt;', found: false },
  ]);
});

test('figures are written for people', () => {
  assert.deepEqual(
    [cost(null), cost(0), cost(412_000), cost(25_000_000), cost(3_456_000_000), cost(10)],
    [...['no price known', '$0', '$0.00041', '$0.025', '$3.46', '< $0.00001']],
  );
  assert.deepEqual([duration(85), duration(2_450), duration(185_000)], ['85 ms', '2.5 s', '3 min 05 s']);
  assert.deepEqual([clock(65.9), clock(3_723), clock(-1)], ['1:05', '1:02:03', '0:00']);
  assert.deepEqual([bytes(377), bytes(2_048), bytes(3_500_000)], ['377 B', '2.0 KB', '3.3 MB']);
  assert.deepEqual([plural(1, 'turn'), plural(2, 'turn')], ['1 turn', '2 turns']);
  assert.deepEqual(
    [listed([]), listed(['a']), listed(['a', 'b']), listed(['a', 'b', 'c'])],
    ['', 'a', 'a and b', 'a, b and c'],
  );
  const now = Date.parse('2026-11-21T12:00:00Z');
  assert.deepEqual(
    [
      '2026-11-21T11:59:50Z',
      '2026-11-21T11:40:00Z',
      '2026-11-21T09:00:00Z',
      '2026-11-20T10:00:00Z',
      '2026-03-12T10:00:00Z',
    ].map((time) => ago(time, now)),
    ['just now', '20 min ago', '3 h ago', 'yesterday', '12 Mar 2026'],
  );
});

test('a speaker is known by letters and a colour', () => {
  assert.deepEqual(['ada-lovelace', 'bruno', 'Grace Hopper', '', '漢字', 'x'].map(initials), [
    'AL',
    'Br',
    'GH',
    '?',
    '漢字',
    'X',
  ]);
  fc.assert(
    fc.property(fc.string(), (name) => {
      const hue = hueOf(name);
      assert(Number.isInteger(hue) && hue >= 0 && hue < HUES);
      assert.equal(hueOf(name), hue);
    }),
  );
});

test('at one table everybody has their own colour, and two of the same have the next free one', () => {
  assert.deepEqual(huesAt(['ada', 'bruno']), [hueOf('ada'), hueOf('bruno')]);
  const [first, second] = huesAt(['ada', 'ada']);
  assert.deepEqual([first, second], [hueOf('ada'), (hueOf('ada') + 1) % HUES]);
  fc.assert(
    fc.property(fc.array(fc.string(), { maxLength: 12 }), (names) => {
      const hues = huesAt(names);
      assert.equal(hues.length, names.length);
      assert.equal(new Set(hues.slice(0, HUES)).size, Math.min(names.length, HUES));
      assert.deepEqual(huesAt(names.slice(0, 3)), hues.slice(0, 3), 'who comes later changes nothing');
    }),
  );
});
