import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countWords, snippetHtml } from './rules.ts';

test('words are runs of anything but white space', () => {
  assert.equal(countWords(''), 0);
  assert.equal(countWords('  one\ttwo\nthree — four '), 5);
});

test('a snippet marks the matches and escapes everything else', () => {
  assert.equal(
    snippetHtml('<script>\u0002alert\u0003("1") & \'x\'</script>'),
    '&lt;script&gt;<mark>alert</mark>(&quot;1&quot;) &amp; &#39;x&#39;&lt;/script&gt;',
  );
});
