import type { TSchema } from 'typebox';

/** JSON Schema as plain data: what TypeBox makes, without its hidden marks. */
export type JsonSchema = {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly [keyword: string]: unknown;
};

/** A TypeBox schema as plain data, to be reshaped. */
export const plain = (schema: TSchema): JsonSchema => JSON.parse(JSON.stringify(schema)) as JsonSchema;

/** Rebuilds a schema from its leaves up. */
export function mapSchema(schema: JsonSchema, change: (schema: JsonSchema) => JsonSchema): JsonSchema {
  const inner = (child: JsonSchema) => mapSchema(child, change);
  const each = (children: Readonly<Record<string, JsonSchema>>) =>
    Object.fromEntries(Object.entries(children).map(([name, child]) => [name, inner(child)]));
  const copy: Record<string, unknown> = { ...schema };
  if (schema.properties) copy.properties = each(schema.properties);
  if (schema.patternProperties) copy.patternProperties = each(schema.patternProperties);
  if (schema.items) copy.items = inner(schema.items);
  if (schema.anyOf) copy.anyOf = schema.anyOf.map(inner);
  if (schema.allOf) copy.allOf = schema.allOf.map(inner);
  if (typeof schema.additionalProperties === 'object') copy.additionalProperties = inner(schema.additionalProperties);
  return change(copy as JsonSchema);
}

/** A union of constants is an enumeration: one error says all allowed values, and it is serialised as what it is. */
function foldConstants(schema: JsonSchema): JsonSchema {
  const { anyOf, ...rest } = schema;
  if (!anyOf || anyOf.length === 0 || !anyOf.every((option) => 'const' in option)) return schema;
  const types = new Set(anyOf.map((option) => option.type));
  const [type] = types;
  return {
    ...rest,
    ...(types.size === 1 && type !== undefined && { type }),
    enum: anyOf.map((option) => option.const),
  };
}

/** `anyOf [X, null]` in the form that fast-json-stringify takes without trying every branch. */
function foldNull(schema: JsonSchema): JsonSchema {
  const { anyOf, ...rest } = schema;
  const some = anyOf?.filter((option) => option.type !== 'null');
  const [only] = some ?? [];
  if (anyOf?.length !== 2 || some?.length !== 1 || !only?.type) return schema;
  return { ...rest, ...only, nullable: true };
}

/** What the serialiser compiles. */
export const forSerialiser = (schema: TSchema): JsonSchema =>
  mapSchema(plain(schema), (part) => foldNull(foldConstants(part)));

/** What the documents and the validator of a foreign wire or of query and path see. */
export const tidy = (schema: TSchema): JsonSchema => mapSchema(plain(schema), foldConstants);

/**
 * A body's schema in which no object takes a field that it does not name. `allOf` is refused here: each of its arms
 * would refuse the other's fields.
 */
export function strict(schema: TSchema): JsonSchema {
  return mapSchema(plain(schema), (part) => {
    if (part.allOf) throw new Error('A body cannot be an intersection: spread the properties into one object');
    const open = part.properties && part.additionalProperties === undefined && !part.patternProperties;
    return foldConstants(open ? { ...part, additionalProperties: false } : part);
  });
}
