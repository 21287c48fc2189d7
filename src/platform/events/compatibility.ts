type Schema = Readonly<Record<string, unknown>>;

/**
 * Why a schema may not take the place of a published one of the same event version, a sentence each; none when it
 * may. Events are kept and read by others, so what is written now must suit those who know the published schema, and
 * what was written then must suit the new one. A version only grows: what was there stays, under its name, with its
 * type and its values; what is new is optional; bounds may be widened. Anything else is a new version with an `upcast`.
 */
export function incompatibilities(before: unknown, after: unknown): string[] {
  if (!isSchema(before)) return [];
  if (!isSchema(after)) return ['it is gone: a version that was announced stays'];
  const faults: string[] = [];
  if (before['x-topic'] !== after['x-topic']) faults.push(`the topic was ${text(before['x-topic'])}`);
  compare(before, after, { at: '', faults });
  return faults;
}

type Place = { readonly at: string; readonly faults: string[] };

const below = ({ at, faults }: Place, name: string): Place => ({ at: at === '' ? name : `${at}.${name}`, faults });
const fault = ({ at, faults }: Place, what: string) =>
  void faults.push(at === '' ? `the data itself: ${what}` : `${at}: ${what}`);

function compare(before: Schema, after: Schema, place: Place): void {
  const [old, now] = [alternatives(before), alternatives(after)];
  if (old !== undefined || now !== undefined) {
    compareValues(old ?? [before], now ?? [after], place);
    compareTypes(old ?? [before], now ?? [after], place);
    return;
  }
  if (text(before.type) !== text(after.type)) {
    fault(place, `its type was ${text(before.type)} and is ${text(after.type)}`);
    return;
  }
  compareBounds(before, after, place);
  compareProperties(before, after, place);
  if (isSchema(before.items)) {
    if (isSchema(after.items)) compare(before.items, after.items, below(place, '[]'));
    else fault(place, 'its items are no longer described');
  }
}

/** The members of a union, of an enumeration or of one constant; undefined for a plain schema. */
function alternatives({ anyOf, oneOf, enum: values, ...rest }: Schema): Schema[] | undefined {
  const members = anyOf ?? oneOf;
  if (Array.isArray(members)) return members.filter(isSchema).flatMap((member) => alternatives(member) ?? [member]);
  if (Array.isArray(values)) return values.map((value: unknown) => ({ const: value }));
  return 'const' in rest ? [{ const: rest.const }] : undefined;
}

const isConstant = (schema: Schema) => 'const' in schema;

/** The constants among the alternatives: the same set. */
function compareValues(old: readonly Schema[], now: readonly Schema[], place: Place): void {
  const valuesOf = (schemas: readonly Schema[]) =>
    new Set(schemas.filter(isConstant).map((schema) => text(schema.const)));
  const [before, after] = [valuesOf(old), valuesOf(now)];
  for (const value of before.difference(after)) fault(place, `the value ${value} is gone`);
  if (before.size === 0 && after.size > 0) return;
  for (const value of after.difference(before)) fault(place, `it can be ${value} now, which readers do not expect`);
}

/** The other alternatives, told apart by their types. */
function compareTypes(old: readonly Schema[], now: readonly Schema[], place: Place): void {
  const [before, after] = [old, now].map((list) => list.filter((schema) => !isConstant(schema))) as [
    Schema[],
    Schema[],
  ];
  const typed = (schemas: readonly Schema[], type: unknown) =>
    schemas.filter((schema) => text(schema.type) === text(type));
  for (const schema of before) {
    const results = typed(after, schema.type).map((candidate) => {
      const faults: string[] = [];
      compare(schema, candidate, { ...place, faults });
      return faults;
    });
    if (results.length === 0) fault(place, `it could be ${text(schema.type)} and cannot any more`);
    else if (results.every((faults) => faults.length > 0)) place.faults.push(...(results[0] ?? []));
  }
  for (const { type } of after)
    if (typed(before, type).length === 0) fault(place, `it can be ${text(type)} now, which readers do not expect`);
}

function compareProperties(before: Schema, after: Schema, place: Place): void {
  const [old, now] = [propertiesOf(before), propertiesOf(after)];
  const [wasRequired, isRequired] = [requiredOf(before), requiredOf(after)];
  for (const [name, schema] of Object.entries(old)) {
    const next = now[name];
    if (!isSchema(next)) {
      fault(below(place, name), 'it is gone, or has another name');
      continue;
    }
    if (wasRequired.has(name) && !isRequired.has(name)) fault(below(place, name), 'it was always there');
    if (!wasRequired.has(name) && isRequired.has(name)) fault(below(place, name), 'events without it are kept');
    if (isSchema(schema)) compare(schema, next, below(place, name));
  }
  for (const name of isRequired)
    if (!(name in old)) fault(below(place, name), 'it is new and required: events without it are kept');
  if (before.additionalProperties !== false && after.additionalProperties === false)
    fault(place, 'further properties were allowed');
}

/** Bounds of what is kept may be widened, never narrowed: older events must still fit. */
const LOWER = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties'];
const UPPER = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties'];
const EXACT = ['pattern', 'format', 'multipleOf', 'uniqueItems', 'contentEncoding'];

function compareBounds(before: Schema, after: Schema, place: Place): void {
  const narrowed = (name: string, narrower: (was: number, is: number) => boolean) => {
    const [was, is] = [before[name], after[name]];
    if (typeof is === 'number' && (typeof was !== 'number' || narrower(was, is)))
      fault(place, `${name} is ${is}, and was ${typeof was === 'number' ? was : 'not there'}`);
  };
  for (const name of LOWER) narrowed(name, (was, is) => is > was);
  for (const name of UPPER) narrowed(name, (was, is) => is < was);
  for (const name of EXACT)
    if (after[name] !== undefined && text(after[name]) !== text(before[name]))
      fault(place, `${name} is ${text(after[name])}, and was ${text(before[name])}`);
}

const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const propertiesOf = ({ properties }: Schema): Schema => (isSchema(properties) ? properties : {});
const requiredOf = ({ required }: Schema): ReadonlySet<string> =>
  new Set(Array.isArray(required) ? required.filter((name) => typeof name === 'string') : []);
const text = (value: unknown): string => (value === undefined ? 'not there' : JSON.stringify(value));
