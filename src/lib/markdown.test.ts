import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { inline, quoted } from './markdown.ts';

const piece = fc.constantFrom(
  ...[
    'a',
    'b ',
    '\n',
    '\n\n',
    '\r\n',
    '`',
    '``',
    '```',
    '~~~',
    '```js\n',
    '\n```\n',
    '  ```',
    '<b>',
    '<script>',
    '<!--',
    '-->',
  ],
  ...[
    '</div>',
    '<?x',
    '> ',
    '- ',
    '1. ',
    '    ',
    '\t',
    '# ',
    '## ',
    '===',
    '---',
    '[x]: http://e',
    '[^1]',
    '[^1]: f',
    '\\',
  ],
  ...['| a | b |\n|---|---|\n', '|', '<https://x.y>', '*', '&lt;', '[a](', ']('],
);
const text = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''));

test('whatever is quoted stays within its quotation, and defines nothing for the document', () => {
  fc.assert(
    fc.property(text, (given) => {
      const lines = quoted(given).split('\n');
      assert.ok(lines.every((line) => line === '>' || line.startsWith('> ')));
      const outside = withoutCode(lines.map((line) => line.slice(2)));
      for (const line of outside) {
        assert.doesNotMatch(line.replace(SPAN, ''), /<(?!https?:)[A-Za-z/!?]/, 'raw HTML');
        assert.doesNotMatch(line.replace(SPAN, ''), /(?<!\\)\[\^/, 'a footnote');
        assert.doesNotMatch(line, /^\s*\[[^\]]*\]:/, 'the definition of a link');
        assert.doesNotMatch(line, /^ {0,3}#{1,3}(\s|$)/, 'a heading of the document’s own levels');
      }
    }),
    { numRuns: 3_000 },
  );
});

/** Code between backticks, on one line. */
const SPAN = /(?<=^|[\s("'“‘])(`+)(?!`)[^|]*?(?<!`)\1(?!`)/g;

/** What is not in fences. */
function withoutCode(lines: readonly string[]): string[] {
  const out: string[] = [];
  let fence: string | undefined;
  for (const line of lines) {
    if (fence === undefined) {
      fence = /^(`{3,}(?=[^`]*$)|~{3,})/.exec(line)?.[1];
      if (fence === undefined) out.push(line);
    } else if (new RegExp(`^ {0,3}${fence}${fence[0]}*[ \\t]*$`).test(line)) fence = undefined;
  }
  return out;
}

test('lists, code and emphasis of what is quoted stay as they are', () => {
  const given = 'Take *this*:\n\n- `<div>` and\n- x < y\n\n```html\n<b>[^1]</b>\n# no heading\n```\nDone.';
  const expected = given.replace('\n```html', '\n```html').split('\n');
  assert.deepEqual(
    quoted(given).split('\n'),
    expected.map((line) => (line === '' ? '>' : `> ${line}`)),
  );
});

test('headings go down below the document’s, fences are closed, raw HTML is text', () => {
  assert.equal(quoted('# Plan\ntext\n---\n## Part'), '> #### Plan\n> text\n>\n> ---\n> ##### Part');
  assert.equal(quoted('Title\n==='), '> Title\n> \\===');
  assert.equal(quoted('```\nleft open'), '> ```\n> left open\n> ```');
  assert.equal(
    quoted('a <script>x</script> <https://example.com>'),
    '> a &lt;script>x&lt;/script> <https://example.com>',
  );
  assert.equal(quoted('- ```\n<b>'), '> - ```\n> &lt;b>', 'a fence that ends with its list item');
  assert.equal(quoted('see [^1]\n[^1]: mine\n[a]: http://x'), '> see \\[^1]\n> \\[^1]: mine\n> [a]\\: http://x');
});

test('a name means its characters', () => {
  assert.equal(inline(' *Eve*\n[x](y) `a|b` <b> '), '\\*Eve\\* \\[x\\](y) \\`a\\|b\\` \\<b\\>');
  assert.equal(inline('my_agent _x_ C# # one &amp; all'), 'my_agent \\_x\\_ C# \\# one \\&amp; all');
});

test('a line that is a whole message of marks is quoted in one walk: this ends', () => {
  const half = 32_768;
  const addresses = `${'@'.repeat(half)} ${' `<b>` '.repeat(half / 7)}`;
  assert.equal(quoted(addresses), `> ${addresses.trimEnd()}`);
  const runs = Array.from({ length: 700 }, (_, n) => '`'.repeat(n + 1)).join(' ');
  assert.equal(quoted(`${runs} <b>`), `> ${runs} &lt;b>`);
  assert.equal(quoted('see www.x`<b>` and @y `<b>`'), '> see www.x`&lt;b>` and @y `<b>`');
});
