/**
 * The little of Markdown that models write, as a tree: headings, lists, quotes, code, emphasis, links. Anything else
 * stays text, HTML above all. Takes unfinished text, for it is drawn while it streams.
 */
export type Inline =
  | { kind: 'text'; text: string }
  | { kind: 'code'; text: string }
  | { kind: 'strong' | 'em'; children: Inline[] }
  | { kind: 'link'; href: string; children: Inline[] };
export type Block =
  | { kind: 'paragraph' | 'quote'; children: Inline[] }
  | { kind: 'heading'; level: number; children: Inline[] }
  | { kind: 'list'; ordered: boolean; start: number; items: Inline[][] }
  | { kind: 'code'; text: string };

const BULLET = /^\s{0,3}[-*•]\s+(.*)$/;
const NUMBER = /^\s{0,3}(\d{1,4})[.)]\s+(.*)$/;
const HEADING = /^(#{1,6})\s+(.*?)\s*#*$/;
const FENCE = /^\s{0,3}(```|~~~)/;

export function blocks(text: string): Block[] {
  const result: Block[] = [];
  let prose: string[] = [];
  const flush = (): void => {
    if (prose.length > 0) result.push({ kind: 'paragraph', children: inlines(prose.join('\n')) });
    prose = [];
  };
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] as string;
    const fence = FENCE.exec(line)?.[1];
    const heading = HEADING.exec(line);
    const bullet = BULLET.exec(line);
    const number = NUMBER.exec(line);
    if (fence !== undefined) {
      flush();
      const end = lines.findIndex((other, i) => i > at && other.trimStart().startsWith(fence));
      result.push({ kind: 'code', text: lines.slice(at + 1, end < 0 ? undefined : end).join('\n') });
      at = end < 0 ? lines.length : end;
    } else if (line.trim() === '') flush();
    else if (heading) {
      flush();
      result.push({ kind: 'heading', level: heading[1]?.length ?? 1, children: inlines(heading[2] ?? '') });
    } else if (line.startsWith('>')) {
      flush();
      result.push({ kind: 'quote', children: inlines(line.replace(/^>\s?/, '')) });
    } else if (bullet) {
      flush();
      addItem(result, { ordered: false, start: 1 }, bullet[1] ?? '');
    } else if (number) {
      flush();
      addItem(result, { ordered: true, start: Number(number[1]) }, number[2] ?? '');
    } else prose.push(line);
  }
  flush();
  return result;
}

function addItem(result: Block[], { ordered, start }: { ordered: boolean; start: number }, text: string): void {
  const last = result.at(-1);
  if (last?.kind === 'list' && last.ordered === ordered) last.items.push(inlines(text));
  else result.push({ kind: 'list', ordered, start, items: [inlines(text)] });
}

const INLINE =
  /`([^`\n]+)`|\*\*(?=\S)([^*]+?)\*\*|__(?=\S)([^_]+?)__|(?<![\w*])\*(?=[^\s*])([^*\n]+?)\*(?!\w)|(?<!\w)_(?=\S)([^_\n]+?)_(?!\w)|\[([^\]\n]+)\]\((https?:\/\/[^\s()]+)\)/g;

export function inlines(text: string): Inline[] {
  const result: Inline[] = [];
  let end = 0;
  for (const found of text.matchAll(INLINE)) {
    const [whole, code, strong1, strong2, em1, em2, label, href] = found;
    if (found.index > end) result.push({ kind: 'text', text: text.slice(end, found.index) });
    end = found.index + whole.length;
    const [strong, em] = [strong1 ?? strong2, em1 ?? em2];
    if (code !== undefined) result.push({ kind: 'code', text: code });
    else if (strong !== undefined) result.push({ kind: 'strong', children: inlines(strong) });
    else if (em !== undefined) result.push({ kind: 'em', children: inlines(em) });
    else if (label !== undefined && href !== undefined) result.push({ kind: 'link', href, children: inlines(label) });
  }
  if (end < text.length) result.push({ kind: 'text', text: text.slice(end) });
  return result;
}
