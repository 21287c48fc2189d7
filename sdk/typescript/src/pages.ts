/** A page of a catalogue. */
export type Page<T> = { items: T[]; total: number; page: number; page_size: number };

/** A stretch of a log; `next_cursor` is null at its end. */
export type CursorPage<T> = { items: T[]; next_cursor: string | null };

type Loads<Q, P> = (query: Q) => Promise<P>;
/** What to ask for the page after this one; undefined at the end. */
type Follows<Q, P> = (page: P, asked: Q) => Q | undefined;

/** Items on a page when nobody says how many and all of them are read: the most that the server gives at once. */
const MOST = 100;

/**
 * What `list` methods give: the first page to `await`, or every item to iterate over.
 *
 * ```ts
 * const page = await parley.agents.list();
 * for await (const agent of parley.agents.list()) …
 * ```
 * Nothing is sent before one of the two; iterating asks for a page when its first item is wanted.
 */
export class List<T, P extends { items: T[] } = { items: T[] }> implements Promise<P>, AsyncIterable<T> {
  readonly #first: () => Promise<P>;
  readonly #each: () => AsyncGenerator<P>;
  #page: Promise<P> | undefined;

  constructor(first: () => Promise<P>, each: () => AsyncGenerator<P>) {
    this.#first = first;
    this.#each = each;
  }

  /** Page by page, for whoever wants the totals or cursors too. */
  pages(): AsyncGenerator<P> {
    return this.#each();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for await (const { items } of this.#each()) yield* items;
  }

  /** Every item in one array: for lists that are known to be short. */
  async toArray(): Promise<T[]> {
    const all: T[] = [];
    for await (const { items } of this.#each()) all.push(...items);
    return all;
  }

  // biome-ignore lint/suspicious/noThenProperty: it is a promise of its first page, which is asked for only then.
  then<R = P, E = never>(
    onfulfilled?: ((page: P) => R | PromiseLike<R>) | null,
    onrejected?: ((reason: unknown) => E | PromiseLike<E>) | null,
  ): Promise<R | E> {
    this.#page ??= this.#first();
    return this.#page.then(onfulfilled, onrejected);
  }
  catch<E = never>(onrejected?: ((reason: unknown) => E | PromiseLike<E>) | null): Promise<P | E> {
    return this.then(undefined, onrejected);
  }
  finally(onfinally?: (() => void) | null): Promise<P> {
    return this.then().finally(onfinally);
  }
  readonly [Symbol.toStringTag]: string = 'List';
}

function listOf<T, Q extends object, P extends { items: T[] }>(
  load: Loads<Q, P>,
  { query, all, next }: { query: Q; all: Q; next: Follows<Q, P> },
): List<T, P> {
  async function* each(): AsyncGenerator<P> {
    for (let wanted: Q | undefined = all; wanted !== undefined; ) {
      const page: P = await load(wanted);
      yield page;
      wanted = next(page, wanted);
    }
  }
  return new List<T, P>(() => load(query), each);
}

type CatalogueQuery = { page?: number; page_size?: number };

/** A list in numbered pages. */
export function catalogue<T, Q extends CatalogueQuery, P extends Page<T>>(load: Loads<Q, P>, query: Q): List<T, P> {
  return listOf<T, Q, P>(load, {
    query,
    all: { page_size: MOST, ...query },
    next: ({ items, total, page, page_size }, asked) =>
      items.length === 0 || page * page_size >= total ? undefined : { ...asked, page: page + 1 },
  });
}

type LogQuery = { cursor?: string; limit?: number };

/** A list that is read on from a cursor. */
export function log<T, Q extends LogQuery, P extends CursorPage<T>>(load: Loads<Q, P>, query: Q): List<T, P> {
  return listOf<T, Q, P>(load, {
    query,
    all: { limit: MOST, ...query },
    next: ({ next_cursor: cursor }, asked) =>
      cursor === null || cursor === asked.cursor ? undefined : { ...asked, cursor },
  });
}
