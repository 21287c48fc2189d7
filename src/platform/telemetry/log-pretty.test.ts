import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from './log.ts';
import { logFormatOf, prettyLine } from './log-pretty.ts';

function shown(write: (log: ReturnType<typeof createLog>) => void, options = {}): (string | undefined)[] {
  const lines: string[] = [];
  write(createLog({ level: 'debug', write: (line) => void lines.push(line) }));
  return lines.map((line) => prettyLine(line, options)?.replace(/^\d\d:\d\d:\d\d/, 'TIME'));
}

test('a line for a person has time, level, message and a few fields', () => {
  const [ready] = shown((log) =>
    log.info('ready', { database: 'packaged', ports: [8080, 8000], pid: 7, trace_id: 'abc', duration_ms: 812 }),
  );
  assert.equal(ready, 'TIME  info   ready  duration_ms=812 database=packaged ports=[8080,8000]\n');
});

test('what is said all the time is shown with DEBUG only, and when it failed', () => {
  const write = (log: ReturnType<typeof createLog>) => {
    log.info('request', { method: 'GET', route: '/agents', status: 200 });
    log.info('request', { method: 'GET', route: '/agents', status: 503 });
    log.info('a schedule ran', { schedule: 'audit.checkpoints' });
  };
  const failed = 'TIME  info   request  method=GET route=/agents status=503\n';
  assert.deepEqual(shown(write), [undefined, failed, undefined]);
  assert.equal(shown(write, { debug: true }).filter((line) => line !== undefined).length, 3);
});

test('an error is told below its line; its stack with DEBUG only', () => {
  const write = (log: ReturnType<typeof createLog>) =>
    log.warn('no answer', { error: new TypeError('away\nfor good') });
  assert.deepEqual(shown(write), ['TIME  warn   no answer\n         TypeError: away\n         for good\n']);
  assert.match(shown(write, { debug: true })[0] ?? '', /\n +at /);
});

test('colours are put around it where they are wanted', () => {
  const [line] = shown((log) => log.error('gone'), { colours: true });
  assert.ok(line?.includes('\u001b[31merror\u001b[39m'));
});

test('people get it in development on a terminal; programs, and whoever says so, JSON', () => {
  assert.equal(logFormatOf('auto', 'development', { terminal: true }), 'pretty');
  assert.equal(logFormatOf('auto', 'development', { terminal: false }), 'json');
  assert.equal(logFormatOf('auto', 'production', { terminal: true }), 'json');
  assert.equal(logFormatOf('json', 'development', { terminal: true }), 'json');
  assert.equal(logFormatOf('pretty', 'production', { terminal: false }), 'pretty');
});
