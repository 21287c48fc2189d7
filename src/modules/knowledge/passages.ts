/** Characters that a passage has at most; a text is cut where a sentence ends, as late as that allows. */
export const PASSAGE_CHARS = 1_000;
const LEAST_CHARS = 400;

/** A text in passages, in its order, without the white space between them. */
export function passagesOf(text: string): string[] {
  const passages: string[] = [];
  for (let start = 0; start < text.length; ) {
    const end = cutAfter(text, start);
    const passage = text.slice(start, end).trim();
    if (passage !== '') passages.push(passage);
    start = end;
  }
  return passages;
}

function cutAfter(text: string, start: number): number {
  if (text.length - start <= PASSAGE_CHARS) return text.length;
  const piece = text.slice(start, start + PASSAGE_CHARS);
  const least = piece.slice(LEAST_CHARS);
  for (const ending of [/^[\s\S]*\n\s*\n/, /^[\s\S]*[.!?…。！？]["”’»)]?\s/, /^[\s\S]*\n/, /^[\s\S]*\s/]) {
    const found = ending.exec(least);
    if (found) return start + LEAST_CHARS + found[0].length;
  }
  const splitsPair = /[\uD800-\uDBFF]$/.test(piece);
  return start + PASSAGE_CHARS - (splitsPair ? 1 : 0);
}

/** Passages are looked up for so many different words of so much text: not all of a long text's words are telling. */
export const QUERY_WORDS = 32;
export const QUERY_CHARS = 4_000;
