import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Product } from '@parley/sdk';
import { changeOf, changeProblem, type Draft, draftOf, emptyDraft, inputOf, placeOf, problems } from './form.ts';

const kept: Draft = { ...emptyDraft('EUR'), name: 'Assam', price: '9.90', stock: '5' };
const refused = (draft: Partial<Draft>): string[] => Object.keys(problems({ ...kept, ...draft }));

test('a product as typed says what the server would refuse', () => {
  assert.deepEqual(refused({}), []);
  assert.deepEqual(refused({ name: ' ' }), ['name']);
  assert.deepEqual(refused({ sku: 'with space' }), ['sku']);
  assert.deepEqual(refused({ price: '9.905' }), ['price']);
  assert.deepEqual(refused({ currency: 'KWD', price: '9.905' }), []);
  for (const stock of ['-1', '1.5', '', '1000000001']) assert.deepEqual(refused({ stock }), ['stock'], stock);
  for (const image_url of ['http://a.example/x', 'https://', 'javascript:alert(1)', 'https://a b'])
    assert.deepEqual(refused({ image_url }), ['image_url'], image_url);
  const twice = [1, 2].map(() => ({ key: 'size', value: 'x' }));
  assert.deepEqual(refused({ attributes: twice }), ['attributes.1']);
  assert.deepEqual(refused({ attributes: [{ key: '', value: 'x' }] }), ['attributes.0']);
});

test('a product that was read and is sent back unchanged is the same', () => {
  const product = {
    ...{ name: 'Assam', sku: 'TEA-1', description: 'Malty.', stock: 12, image_url: null },
    price: { amount: 1_005, currency: 'KWD' },
    attributes: { grams: 250, organic: true, code: '12', said: '"yes"', origin: 'India' },
  };
  assert.deepEqual(inputOf(draftOf(product as unknown as Product)), product);
});

test('a change of stock is a signed whole number that leaves something to count', () => {
  const wrong = (typed: string): boolean => changeProblem(typed, 5) !== undefined;
  assert.deepEqual(['', '0', 'x', '1.5', '-6', '999999995'].map(wrong), [true, true, true, true, true, false]);
  assert.deepEqual(['+3', '−5', '-5', '1000000000'].map(wrong), [false, false, false, true]);
  assert.deepEqual(['+3', '−5', ' 7 '].map(changeOf), [3, -5, 7]);
});

test('the server’s fields are shown where they are typed', () => {
  const draft = { ...kept, attributes: [{ key: 'a.b', value: '1' }] };
  assert.deepEqual(
    ['name', 'price.amount', 'price.currency', 'price', 'attributes.a.b', 'attributes.c'].map((name) =>
      placeOf(name, draft),
    ),
    ['name', 'price', 'currency', 'price', 'attributes.0', 'attributes'],
  );
});
