import type { TSchema } from 'typebox';
import { type JsonSchema, mapSchema, strict, tidy } from '../input/schemas.ts';

const byName = (map: ReadonlyMap<string, JsonSchema>) =>
  Object.fromEntries([...map].sort(([a], [b]) => (a < b ? -1 : 1)));

const isSame = (a: JsonSchema, b: JsonSchema) => JSON.stringify(a) === JSON.stringify(b);

/**
 * Collects the schemas that have a name (`title`) into `components.schemas`, so that clients get one type for one
 * thing. Two different schemas of one name are a mistake, and refused.
 */
export class Components {
  readonly #schemas = new Map<string, JsonSchema>();
  readonly #responses = new Map<string, JsonSchema>();

  /** A schema as an answer has it: fields may be added later, so it is open. */
  answer(schema: TSchema): JsonSchema {
    return this.#hoist(tidy(schema));
  }

  /** A schema as a body of ours has it: closed, and what has a default need not be sent. */
  body(schema: TSchema, ours: boolean): JsonSchema {
    return this.#hoist(mapSchema(ours ? strict(schema) : tidy(schema), defaultsAreOptional));
  }

  add(name: string, schema: JsonSchema): JsonSchema {
    const known = this.#schemas.get(name);
    if (known !== undefined && !isSame(known, schema))
      throw new Error(`Two different schemas have the title ${name}: give one another title`);
    this.#schemas.set(name, schema);
    return { $ref: `#/components/schemas/${name}` };
  }

  /**
   * An answer that many operations share (the first of its name), as a reference to it; another one of the same name
   * stays where it is.
   */
  response(name: string, response: JsonSchema): JsonSchema {
    const known = this.#responses.get(name);
    if (known !== undefined && !isSame(known, response)) return response;
    this.#responses.set(name, response);
    return { $ref: `#/components/responses/${name}` };
  }

  /** The shared answers, by name. */
  responses(): Record<string, JsonSchema> {
    return byName(this.#responses);
  }

  /** All schemas, by name. */
  schemas(): Record<string, JsonSchema> {
    return byName(this.#schemas);
  }

  #hoist(schema: JsonSchema): JsonSchema {
    return mapSchema(schema, (part) => {
      if (part.title === undefined) return part;
      if (!/^[A-Za-z][A-Za-z0-9]*$/.test(part.title)) throw new Error(`"${part.title}" cannot be a schema's title`);
      const { title, ...rest } = part;
      return this.add(title, rest);
    });
  }
}

function defaultsAreOptional(schema: JsonSchema): JsonSchema {
  const { properties, required } = schema;
  if (properties === undefined || required === undefined) return schema;
  const needed = required.filter((name) => properties[name]?.default === undefined);
  if (needed.length === required.length) return schema;
  const { required: _, ...rest } = schema;
  return needed.length === 0 ? rest : { ...rest, required: needed };
}
