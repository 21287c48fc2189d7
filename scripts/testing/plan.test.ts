import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { root } from '../lib/say.ts';
import { plan } from './plan.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'parley-plan-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const FILES = [
  'scripts/testing/plan.test.ts',
  'src/commands/serve.test.ts',
  'src/lib/gather.test.ts',
  'src/modules/agents/agents.test.ts',
  'src/platform/net/outbound.test.ts',
  'test/chaos/cluster/cluster.test.ts',
  'test/contract/tenants.test.ts',
];

const read = (file: string) => (file.includes('outbound') ? 'process.env.HTTP_PROXY = proxy;' : 'test();');

test('every file is run once: the longest begun first, and what touches its process in one of its own', () => {
  const starts = plan(FILES, folder, read);
  assert.deepEqual(starts.flatMap(({ files }) => files).sort(), FILES);
  assert.deepEqual(
    starts.map(({ files }) => files),
    [
      ['test/chaos/cluster/cluster.test.ts'],
      ['src/lib/gather.test.ts', 'src/modules/agents/agents.test.ts', 'test/contract/tenants.test.ts'],
      ['src/commands/serve.test.ts'],
      ['scripts/testing/plan.test.ts'],
      ['src/platform/net/outbound.test.ts'],
    ],
  );
  for (const start of starts)
    if (start.files.length === 1) assert.equal(start.path, path.join(root, start.files[0] ?? ''));
    else for (const file of start.files) assert.ok(readFileSync(start.path, 'utf8').includes(JSON.stringify(file)));
});

test('groups are of eight at most, and of much the same size', () => {
  const lib = Array.from({ length: 17 }, () => 'src/lib/gather.test.ts');
  assert.deepEqual(
    plan(lib, folder, read).map(({ files }) => files.length),
    [6, 6, 5],
  );
});
