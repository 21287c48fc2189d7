import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';

const folder = path.resolve(import.meta.dirname, '../../contracts/events');
const files = globSync('*.json', { cwd: folder }).sort();
const formats = { uuid: /^[0-9a-f-]{36}$/, 'date-time': /^\d{4}-\d\d-\d\dT/ };

test('there are schemas of event types', () => assert.ok(files.length > 20));

for (const file of files)
  test(`${file} is a schema, and its example fits it and holds no long text`, () => {
    const schema = JSON.parse(readFileSync(path.join(folder, file), 'utf8'));
    assert.equal(file, `${schema.title}_v${schema['x-version']}.json`);
    const ajv = new Ajv2020({ strict: true, strictTypes: false, formats });
    ajv.addVocabulary(['x-topic', 'x-version']);
    const validate = ajv.compile(schema);
    assert.equal(schema.examples.length, 1);
    assert.ok(validate(schema.examples[0]), ajv.errorsText(validate.errors));
    assert.ok(!validate({}), 'an empty payload fits as well: what is always there should be required');
    assert.ok(JSON.stringify(schema.examples[0]).length < 2000);
  });
