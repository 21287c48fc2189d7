import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type SseFrame, SseParser } from '../src/sse.ts';

function parse(chunks: readonly string[]): { frames: SseFrame[]; retries: number[] } {
  const frames: SseFrame[] = [];
  const retries: number[] = [];
  const parser = new SseParser({ onFrame: (frame) => frames.push(frame), onRetry: (ms) => retries.push(ms) });
  for (const chunk of chunks) parser.push(chunk);
  return { frames, retries };
}

test('a frame has its event, its id and its lines of data', () => {
  const { frames, retries } = parse([
    'retry: 250\n\nid: e.7\nevent: said\ndata: one\ndata:two\n\n: heartbeat\n\ndata: x\n\n',
  ]);
  assert.deepEqual(frames, [
    { event: 'said', data: 'one\ntwo', id: 'e.7' },
    { event: 'message', data: 'x', id: undefined },
  ]);
  assert.deepEqual(retries, [250]);
});

test('a frame that never closes is not handed out', () => {
  assert.deepEqual(
    parse(['data: whole\n\ndata: half\n']).frames.map(({ data }) => data),
    ['whole'],
  );
});

test('a byte order mark, unknown fields, a field without a colon and an id with NUL are taken as the standard says', () => {
  const { frames } = parse(['\uFEFFdata: a\nfoo: b\ndata\nid: x\0y\n\n']);
  assert.deepEqual(frames, [{ event: 'message', data: 'a\n', id: undefined }]);
});

test('any line ending and any chunking give the same frames', () => {
  const line = fc.constantFrom('data: a', 'data: b c', 'data:', ': note', 'event: e', 'id: e.1', '', '', 'retry: 5');
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 20 }),
      fc.constantFrom('\n', '\r\n', '\r'),
      fc.array(fc.nat(200), { maxLength: 8 }),
      (lines, ending, cuts) => {
        const text = lines.map((one) => one + ending).join('');
        const plain = lines.map((one) => `${one}\n`).join('');
        const at = [0, ...cuts.map((n) => n % (text.length + 1)).sort((a, b) => a - b), text.length];
        const chunks = at.slice(1).map((end, i) => text.slice(at[i], end));
        // A carriage return at the very end may still be half of a CRLF; it closes its line all the same.
        assert.deepEqual(parse(chunks), parse([plain]));
      },
    ),
  );
});

test('a line without an end is refused before it fills the memory', () => {
  const parser = new SseParser({ onFrame: () => {} });
  const megabyte = 'x'.repeat(1024 * 1024);
  assert.throws(() => {
    for (let i = 0; i < 10; i++) parser.push(megabyte);
  }, RangeError);
});
