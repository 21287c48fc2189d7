import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { createLog, type LogFields } from './log.ts';

function logged(
  level: 'debug' | 'info',
  write: (log: ReturnType<typeof createLog>) => void,
): Record<string, unknown>[] {
  const lines: string[] = [];
  write(createLog({ level, write: (line) => void lines.push(line) }));
  return lines.map((line) => JSON.parse(line));
}

test('a line is one JSON object with timestamp, level, module and message', () => {
  const [line] = logged('info', (log) => log.child('http').info('request', { request_id: 'r1', status: 200 }));
  assert.deepEqual(Object.keys(line ?? {}), ['level', 'timestamp', 'module', 'request_id', 'status', 'message']);
  assert.match(String(line?.timestamp), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.equal(line?.level, 'info');
  assert.equal(line?.module, 'http');
});

test('what is not on the list of fields is not written, whatever the types let through', () => {
  const fields = { request_id: 'r1', password: 'hunter2', authorization: 'Bearer x' } as LogFields;
  const [line] = logged('info', (log) => log.info('m', fields));
  assert.ok(!JSON.stringify(line).match(/hunter2|Bearer/));
  assert.equal(line?.request_id, 'r1');
});

test('an error is written with class, code, stack and causes, and without its other properties', () => {
  const cause = Object.assign(new Error('below'), { code: 'ECONNREFUSED', query: 'select secret' });
  const [line] = logged('info', (log) => log.error('m', { error: new TypeError('above', { cause }) }));
  const error = line?.error as { name: string; stack: string; cause: { code: string; query?: string } };
  assert.equal(error.name, 'TypeError');
  assert.match(error.stack, /log\.test\.ts/);
  assert.equal(error.cause.code, 'ECONNREFUSED');
  assert.equal(error.cause.query, undefined);
});

test('the level holds back what is below it', () => {
  const write = (log: ReturnType<typeof createLog>) => {
    log.debug('quiet');
    log.info('loud');
  };
  assert.equal(logged('info', write).length, 1);
  assert.equal(logged('debug', write).length, 2);
});

test('fatal writes itself and everything before it at once', () => {
  const script = `import { createLog } from ${JSON.stringify(new URL('./log.ts', import.meta.url).href)};
    const log = createLog({ level: 'info' });
    log.info('before');
    log.fatal('the end');
    process.kill(process.pid, 'SIGKILL');`;
  let output = '';
  try {
    execFileSync(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  } catch (error) {
    output = String((error as { stdout: Buffer }).stdout);
  }
  const messages = output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).message);
  assert.deepEqual(messages, ['before', 'the end']);
});
