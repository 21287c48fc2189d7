import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type TSchema, Type } from 'typebox';
import { incompatibilities } from './compatibility.ts';
import { eventContracts } from './contracts.ts';
import { defineEvent } from './define.ts';

const contractOf = (schema: TSchema, topic: 'agents' | 'models' = 'agents') =>
  eventContracts([{ type: 'moved', version: 1, topic, description: 'It moved.', schema, example: {} }])[0]?.schema;

test('a contract is plain JSON Schema with its example, its topic and its version', () => {
  const moved = defineEvent({
    type: 'moved',
    version: 2,
    topic: 'agents',
    description: 'It moved.',
    schema: Type.Object({ to: Type.String(), by: Type.Optional(Type.Integer()) }),
    example: { to: 'x' },
    upcast: () => ({ to: 'x' }),
  });
  assert.deepEqual(eventContracts([moved]), [
    {
      file: 'moved_v2.json',
      schema: {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        $id: 'urn:parley:event:moved:2',
        title: 'moved',
        description: 'It moved.',
        'x-topic': 'agents',
        'x-version': 2,
        type: 'object',
        required: ['to'],
        properties: { to: { type: 'string' }, by: { type: 'integer' } },
        examples: [{ to: 'x' }],
      },
    },
  ]);
});

const literals = (...values: string[]) => Type.Union(values.map((value) => Type.Literal(value)));
const nullable = (schema: TSchema) => Type.Union([schema, Type.Null()]);
const optional = Type.Optional;
const object = Type.Object;
const text = Type.String();

const FINE: [string, TSchema, TSchema][] = [
  ['nothing changed', object({ a: text }), object({ a: text })],
  ['a description', object({ a: text }), object({ a: Type.String({ description: 'x' }) })],
  ['an optional field more', object({ a: text }), object({ a: text, b: optional(Type.Null()) })],
  ['a union in another order', object({ a: nullable(text) }), object({ a: Type.Union([Type.Null(), text]) })],
  ['a wider bound', object({ a: Type.Integer({ minimum: 1 }) }), object({ a: Type.Integer({ minimum: 0 }) })],
  ['no bound any more', object({ a: Type.String({ maxLength: 5 }) }), object({ a: text })],
  [
    'an optional field more, deep within',
    object({ a: Type.Array(object({ b: text })) }),
    object({ a: Type.Array(object({ b: text, c: optional(text) })) }),
  ],
];

for (const [name, before, after] of FINE)
  test(`compatible: ${name}`, () => assert.deepEqual(incompatibilities(contractOf(before), contractOf(after)), []));

const BROKEN: [string, TSchema, TSchema, RegExp][] = [
  ['a field that is gone', object({ a: text }), object({}), /^a: it is gone/],
  ['a field that was renamed', object({ a: text }), object({ b: optional(text) }), /^a: it is gone/],
  ['a required field more', object({}), object({ a: text }), /^a: it is new and required/],
  ['a field that is required now', object({ a: optional(text) }), object({ a: text }), /^a: events without it/],
  ['a field that is optional now', object({ a: text }), object({ a: optional(text) }), /^a: it was always there/],
  ['another type', object({ a: text }), object({ a: Type.Integer() }), /^a: its type was "string" and is "integer"/],
  ['any number for an integer', object({ a: Type.Integer() }), object({ a: Type.Number() }), /^a: its type/],
  ['null where none was', object({ a: text }), object({ a: nullable(text) }), /^a: it can be "null" now/],
  ['no null where one was', object({ a: nullable(text) }), object({ a: text }), /^a: it could be "null"/],
  ['a value less', object({ a: literals('x', 'y') }), object({ a: literals('x') }), /^a: the value "y" is gone/],
  ['a value more', object({ a: literals('x') }), object({ a: literals('x', 'y') }), /^a: it can be "y" now/],
  ['values where any text was', object({ a: text }), object({ a: literals('x') }), /^a: it could be "string"/],
  [
    'a narrower bound',
    object({ a: Type.String({ maxLength: 9 }) }),
    object({ a: Type.String({ maxLength: 5 }) }),
    /^a: maxLength is 5, and was 9/,
  ],
  [
    'a bound where none was',
    object({ a: Type.Integer() }),
    object({ a: Type.Integer({ minimum: 1 }) }),
    /^a: minimum is 1, and was not there/,
  ],
  ['a format', object({ a: text }), object({ a: Type.String({ format: 'uuid' }) }), /^a: format is "uuid"/],
  ['nothing further', object({}), object({}, { additionalProperties: false }), /further properties/],
  [
    'a field that is gone, deep within',
    object({ a: Type.Array(object({ b: text })) }),
    object({ a: Type.Array(object({})) }),
    /^a\.\[\]\.b: it is gone/,
  ],
  [
    'a field that is gone, within a union',
    object({ a: nullable(object({ b: text })) }),
    object({ a: nullable(object({})) }),
    /^a\.b: it is gone/,
  ],
];

for (const [name, before, after, expected] of BROKEN)
  test(`incompatible: ${name}`, () => {
    const faults = incompatibilities(contractOf(before), contractOf(after));
    assert.equal(faults.length, 1, faults.join('; '));
    assert.match(faults[0] ?? '', expected);
  });

test('incompatible: another topic, or no file at all', () => {
  const schema = object({});
  assert.match(incompatibilities(contractOf(schema), contractOf(schema, 'models'))[0] ?? '', /topic/);
  assert.match(incompatibilities(contractOf(schema), undefined)[0] ?? '', /gone/);
  assert.deepEqual(incompatibilities(undefined, contractOf(schema)), []);
});
