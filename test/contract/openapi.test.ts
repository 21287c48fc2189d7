import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { contract } from '../../src/commands/openapi.ts';

const read = (path: string) => JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'));

test('contracts/openapi.json is what the routes say (`make gen` makes it again)', async () => {
  const { version } = read('package.json');
  const made = await contract(version);
  assert.deepEqual(JSON.parse(JSON.stringify(made)), read('contracts/openapi.json'));
  assert.equal(JSON.stringify(await contract(version)), JSON.stringify(made), 'it is not the same twice');
});

test('every operation says what it answers and how it refuses', async () => {
  const { paths } = (await contract('0')) as {
    paths: Record<
      string,
      Record<
        string,
        { operationId: string; tags: string[]; responses: Record<string, { content?: object; $ref?: string }> }
      >
    >;
  };
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods));
  assert.ok(operations.length > 40);
  for (const { operationId, tags, responses } of operations) {
    assert.equal(tags.length, 1, operationId);
    const statuses = Object.keys(responses).map(Number);
    assert.ok(
      statuses.some((status) => status < 300),
      operationId,
    );
    for (const status of [429, 500, 503]) assert.ok(statuses.includes(status), `${operationId} ${status}`);
    for (const [status, { content, $ref }] of Object.entries(responses))
      if (Number(status) >= 400) assert.ok(content ?? $ref, `${operationId} ${status} has no schema`);
  }
});
