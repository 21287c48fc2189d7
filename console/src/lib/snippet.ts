const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };
const plain = (html: string): string =>
  html.replace(/&(amp|lt|gt|quot|#39);/g, (whole, name) => ENTITIES[name] ?? whole);

/** Takes a snippet apart: escaped HTML whose only tag is `<mark>`. */
export function snippetParts(snippet: string): { text: string; found: boolean }[] {
  return snippet
    .split(/<mark>(.*?)<\/mark>/s)
    .map((part, i) => ({ text: plain(part), found: i % 2 === 1 }))
    .filter(({ text }) => text !== '');
}
