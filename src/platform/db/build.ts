import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely';
import type { Query } from './queries.ts';

/** A Kysely that only builds statements for the tables `T`; it has no driver, so nothing can be run past `Db`. */
export function builder<T>(): Kysely<T> {
  return new Kysely<T>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  });
}

const raw = builder<unknown>();

/** The text and the parameters of a statement. */
export function compile(query: Query<unknown>): { text: string; values: unknown[] } {
  const { sql, parameters } = 'isRawBuilder' in query ? query.compile(raw) : query.compile();
  return { text: sql, values: parameters as unknown[] };
}
