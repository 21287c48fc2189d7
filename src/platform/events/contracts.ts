import type { EventType } from './define.ts';

/** One file of `contracts/events`: a JSON Schema of the event's data, with an example inside. */
export type EventContract = {
  /** `message_posted_v1.json`. */
  readonly file: string;
  readonly schema: Readonly<Record<string, unknown>>;
};

/** What outsiders and other languages rely on: a file an event version, in the order of their names. */
export function eventContracts(types: readonly EventType[]): EventContract[] {
  return types
    .map(({ type, version, topic, description, schema, example }) => ({
      file: `${type}_v${version}.json`,
      schema: {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        $id: `urn:parley:event:${type}:${version}`,
        title: type,
        description,
        'x-topic': topic,
        'x-version': version,
        // Only what JSON knows: schemas are objects with hidden marks of the library that made them.
        ...(JSON.parse(JSON.stringify(schema)) as object),
        examples: [example],
      },
    }))
    .sort((a, b) => (a.file < b.file ? -1 : 1));
}
