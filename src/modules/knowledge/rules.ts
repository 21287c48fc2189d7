/** Around a match in what PostgreSQL gives back: characters that no document can smuggle in, since they are taken out first. */
export const MARK_START = '\u0002';
export const MARK_END = '\u0003';

/** Words as people count them: runs of anything but white space. */
export function countWords(text: string): number {
  return text.match(/\S+/g)?.length ?? 0;
}

/** A headline with our two marks as safe HTML: everything escaped, each match in `<mark>`. */
export function snippetHtml(headline: string): string {
  const escaped = headline
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
  return escaped.replaceAll(MARK_START, '<mark>').replaceAll(MARK_END, '</mark>');
}
