import assert from 'node:assert/strict';
import test from 'node:test';
import { breaks } from './compatible.ts';

const published = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    size: { type: 'number' },
    reason: { enum: ['a', 'b'] },
    by: { anyOf: [{ type: 'object', properties: { name: { type: 'string' } }, required: ['name'] }, { type: 'null' }] },
    tags: { type: 'array', items: { type: 'string' } },
  },
  required: ['id', 'size', 'by'],
};
type Published = typeof published;
const changed = (properties: object, required = published.required) =>
  breaks(published, {
    ...published,
    properties: { ...published.properties, ...properties } as Published['properties'],
    required,
  });

test('the same schema, a new field and fewer values are fine', () => {
  assert.deepEqual(breaks(published, published), []);
  assert.deepEqual(changed({ more: { type: 'string' } }, [...published.required, 'more']), []);
  assert.deepEqual(changed({ reason: { enum: ['a'] }, size: { type: 'integer' } }), []);
  assert.deepEqual(changed({ by: { type: 'null' } }), []);
});

test('what readers rely on may not change', () => {
  const { id: _, ...rest } = published.properties;
  assert.deepEqual(breaks(published, { ...published, properties: rest }), ['data.id is gone']);
  assert.deepEqual(changed({}, ['id', 'by']), ['data.size may now be absent']);
  assert.deepEqual(changed({ id: { type: 'integer' } }), ['data.id was string and is integer']);
  assert.deepEqual(changed({ reason: { enum: ['a', 'c'] } }), ['data.reason may now be "c"']);
  assert.deepEqual(changed({ reason: { type: 'string' } }), ['data.reason was one of "a", "b" and is anything']);
  assert.deepEqual(changed({ tags: { type: 'array', items: { type: 'number' } } }), [
    'data.tags[] was string and is number',
  ]);
  assert.equal(changed({ by: { anyOf: [{ type: 'string' }, { type: 'null' }] } }).length, 1);
});
