/**
 * Text of others within a Markdown document of ours (CommonMark with GitHub's tables and footnotes). What is quoted keeps
 * its own lists, code and emphasis, and can change nothing outside of its quotation: no heading of the document's
 * levels, no raw HTML, no definition of a link or a footnote, which would hold for the whole document.
 */

/** One line, every character meant literally: a name, a title, a reason. */
export function inline(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[\\`*[\]<>|~$]/g, '\\$&')
    .replace(/&(?=#?\w+;)/g, '\\&')
    .replace(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, '\\_')
    .replace(/(?<=^|\s)#/g, '\\#');
}

/** A block quotation of `text`. Ends without a line break; what follows must be parted from it by an empty line. */
export function quoted(text: string): string {
  const lines = text.replace(/\r\n?/g, '\n').trimEnd().split('\n');
  const tamed = withFences(lines) ?? lines.map((line) => tame(line, { spans: false }).line);
  return tamed.map((line) => (line.trim() === '' ? '>' : `> ${line}`)).join('\n');
}

/** Where a code fence could begin, whatever list or quotation it is in. */
const MAYBE_FENCE = /^[\s>*+\-\d.)]*(`{3}|~{3})/;
const OPENING = /^(?:(`{3,})[^`]*|(~{3,}).*)$/;

/**
 * Code within fences is left as it is. That is safe only where every fence surely is one, which those at the beginning of
 * a line are; undefined when there are others (a fence in a list item ends with the item, long before it is closed).
 */
function withFences(lines: readonly string[]): string[] | undefined {
  const out: string[] = [];
  let fence: string | undefined;
  let stray = false;
  for (const line of lines) {
    const opening = fence === undefined ? OPENING.exec(line) : null;
    if (fence !== undefined) {
      out.push(line);
      if (closes(line, fence)) fence = undefined;
      // Some converters end the code here, others do not.
      else if (line.trimStart().startsWith(fence)) return undefined;
    } else if (opening) {
      fence = opening[1] ?? (opening[2] as string);
      if (out.length > 0 && out.at(-1) !== '') out.push('');
      stray = false;
      // What follows the fence names a language; HTML in it would be no HTML, but some converters print it as it is.
      out.push(`${fence}${line.slice(fence.length).replaceAll('<', '')}`);
    } else if (MAYBE_FENCE.test(line)) return undefined;
    else {
      const previous = out.at(-1) ?? '';
      // A line of dashes is meant as a rule; right below a text it would make a heading of it.
      if (/^ {0,3}-+\s*$/.test(line) && previous.trim() !== '') out.push('');
      const tamed = tame(line, { spans: !stray });
      out.push(tamed.line);
      stray = line.trim() !== '' && (stray || tamed.stray);
    }
  }
  if (fence !== undefined) out.push(fence);
  return out;
}

function closes(line: string, fence: string): boolean {
  const run = /^ {0,3}(`{3,}|~{3,})[ \t]*$/.exec(line)?.[1];
  return run !== undefined && run[0] === fence[0] && run.length >= fence.length;
}

/**
 * A line outside of a fence. `spans`: code between backticks on this line is left as it is, which is safe as long as no
 * single backtick stands open before it in the paragraph; `stray` says that one does after it.
 */
function tame(line: string, { spans }: { spans: boolean }): { line: string; stray: boolean } {
  let stray = false;
  const parts = spans ? partsOf(line) : [{ text: line, code: false }];
  const safe = parts.map(({ text, code }) => {
    if (code) return text;
    stray ||= /(?<!\\)`/.test(text);
    return text.replace(/<(?=[A-Za-z/!?])(?!https?:\/\/[^\s<>`]*>)/g, '&lt;').replaceAll('[^', '\\[^');
  });
  let out = safe
    .join('')
    .replace(
      /^( {0,3})(#{1,6})(?=[ \t]|$)/,
      (_, space, marks: string) => space + '#'.repeat(Math.min(6, marks.length + 3)),
    )
    .replace(/^( {0,3})(=+\s*)$/, '$1\\$2');
  if (/^[\s>*+\-\d.)]*\[/.test(out)) out = out.replaceAll(']:', ']\\:');
  return { line: out, stray };
}

/** Before code: nothing, a space, a bracket, a quotation mark. Behind other text some converters see no code. */
const BEFORE_CODE = /^[\s("'“‘]?$/;

/**
 * Whether code may begin at a place of a line. Asked from left to right: what lies before is looked at once, for a line may
 * be all of a message and full of backticks.
 */
function codeMayBeginIn(line: string): (at: number) => boolean {
  // Converters also take backticks for a part of an address that they make a link of by themselves; it ends at a space.
  const marks = line.matchAll(/\s|:\/\/|www\.|@/gi);
  let next = marks.next().value;
  let inAddress = false;
  return (at) => {
    for (; next && next.index + next[0].length <= at; next = marks.next().value) inAddress = next[0].trim() !== '';
    return !inAddress && BEFORE_CODE.test(line.slice(Math.max(0, at - 1), at));
  };
}

/** More backticks than anybody needs: each number that is never closed would cost a walk through the rest of the line. */
const ENDLESS = /`{33}/;

/** A line cut where code begins and ends. Code with a `|` counts as text: in a table it would be cut in two there. */
function partsOf(line: string): { text: string; code: boolean }[] {
  const parts: { text: string; code: boolean }[] = [];
  if (ENDLESS.test(line)) return [{ text: line, code: false }];
  const mayBegin = codeMayBeginIn(line);
  let begin = 0;
  for (let at = 0; at < line.length; ) {
    if (line[at] === '\\') at += 2;
    else if (line[at] !== '`') at += 1;
    else {
      const run = runAt(line, at);
      const end = endOf(line, at + run, run);
      if (end === undefined || line.slice(at, end).includes('|') || !mayBegin(at)) at = end ?? at + run;
      else {
        parts.push({ text: line.slice(begin, at), code: false }, { text: line.slice(at, end), code: true });
        at = end;
        begin = end;
      }
    }
  }
  return [...parts, { text: line.slice(begin), code: false }];
}

function runAt(line: string, at: number): number {
  let end = at;
  while (line[end] === '`') end += 1;
  return end - at;
}

/** Just behind the next run of exactly so many backticks. */
function endOf(line: string, from: number, run: number): number | undefined {
  for (let at = line.indexOf('`', from); at !== -1; at = line.indexOf('`', at)) {
    const length = runAt(line, at);
    at += length;
    if (length === run) return at;
  }
  return undefined;
}
