/** A page of a catalogue. */
export type Page<T> = { items: T[]; total: number; page: number; page_size: number };

/** A stretch of a log; `next_cursor` is null at its end. */
export type CursorPage<T> = { items: T[]; next_cursor: string | null };

/** Every item of a catalogue, a page at a time. */
export async function* eachOfPages<T>(load: (page: number) => Promise<Page<T>>, first = 1): AsyncGenerator<T> {
  for (let page = first; ; page++) {
    const { items, total, page_size } = await load(page);
    yield* items;
    if (items.length === 0 || page * page_size >= total) return;
  }
}

/** Every item of a log, following its cursors. */
export async function* eachOfCursor<T>(
  load: (cursor: string | undefined) => Promise<CursorPage<T>>,
  first?: string,
): AsyncGenerator<T> {
  let cursor = first;
  for (;;) {
    const { items, next_cursor } = await load(cursor);
    yield* items;
    if (next_cursor === null || next_cursor === cursor) return;
    cursor = next_cursor;
  }
}
