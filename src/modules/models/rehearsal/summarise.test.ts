import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChatMessage } from '../contract.ts';
import { summarise } from './summarise.ts';

const said = (name: string, content: string): ChatMessage => ({ role: 'user', name, content });
const task = (content: string): ChatMessage => ({ role: 'user', content });
const soFar = (summary: string) => task(`The topic: Tea?\n\nThe summary so far:\n<summary>\n${summary}\n</summary>`);

test('a sentence of each who spoke, word for word and in order', () => {
  const messages = [
    task('The topic: Tea?'),
    said('ada', 'Well. Green tea from the northern hills keeps its taste for months. Yes.'),
    said('ben', 'No'),
    task('Now write the whole summary.'),
  ];
  assert.equal(summarise(messages), 'ada: Green tea from the northern hills keeps its taste for months.\nben: No');
  assert.equal(summarise(messages), summarise(messages));
});

test('it goes on from the summary so far, and tells how much it left out', () => {
  const first = summarise(Array.from({ length: 30 }, (_, n) => said('ada', `Remark ${n}`)));
  assert.match(first, /^\(6 earlier contributions left out\)\nada: Remark 6\n/);
  const second = summarise([soFar(first), said('ben', 'One more')]);
  assert.match(second, /^\(7 earlier contributions left out\)\nada: Remark 7\n[\s\S]*\nben: One more$/);
  assert.equal(second.split('\n').length, 25);
  assert.equal(summarise([soFar('ada: Old'), said('ben', 'New')]), 'ada: Old\nben: New');
});

test('it stays short and whole, whatever was said', () => {
  const line = summarise([said('ada', '😀'.repeat(5_000))]);
  assert.ok(line.length <= 220 && line.isWellFormed());
  assert.equal(summarise([task('The topic: Tea?')]), 'Nothing was said.');
});
