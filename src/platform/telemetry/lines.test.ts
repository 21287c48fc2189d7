import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../../../test/support/log.ts';
import { linesTo } from './lines.ts';

const lineOf = (n: number) => `${n} ${'çé漢🜂'.repeat(n % 40)}\n`;

test('every line is written, in its order, whatever its length', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'parley-lines-'));
  const fd = openSync(join(dir, 'log'), 'w');
  t.after(() => {
    closeSync(fd);
    rmSync(dir, { recursive: true });
  });
  const lines = linesTo(fd);
  const read = () => readFileSync(join(dir, 'log'), 'utf8');
  let all = '';
  const write = (line: string) => {
    all += line;
    lines.write(line);
  };
  for (let n = 0; n < 3_000; n += 1) write(lineOf(n));
  write(`${'long '.repeat(50_000)}\n`);
  for (let n = 0; n < 100; n += 1) write(lineOf(n));
  await until(() => read().length === all.length);
  assert.equal(read(), all);
  write('the last\n');
  lines.flushSync();
  assert.equal(read(), all);
});

test('lines that nobody reads any more do no harm', async () => {
  const script = `import { linesTo } from ${JSON.stringify(new URL('./lines.ts', import.meta.url).href)};
    const lines = linesTo(1);
    for (let n = 0; n < 50; n += 1) {
      lines.write('x'.repeat(10_000) + '\\n');
      await new Promise((resolve) => setImmediate(resolve));
    }
    lines.flushSync();
    process.stderr.write('alive');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const [code] = await once(child, 'close');
  assert.equal(code, 0, said);
  assert.match(said, /alive/);
});
