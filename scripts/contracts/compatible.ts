/** A JSON Schema, as far as event types use it. */
type Schema = {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
};

/**
 * What a reader of the published schema could stumble over in the new one, a sentence each. Within a version, fields may
 * only be added: what was there stays, stays required, and takes no values that it did not take before.
 */
export function breaks(published: Schema, next: Schema, at = 'data'): string[] {
  if (published.anyOf || next.anyOf) return breaksOfUnion(published, next, at);
  const other = breaksOfType(published, next, at);
  if (other.length > 0) return other;
  return [
    ...breaksOfValues(published, next, at),
    ...breaksOfFields(published, next, at),
    ...(published.items && next.items ? breaks(published.items, next.items, `${at}[]`) : []),
  ];
}

/** Each alternative must have been one before. */
function breaksOfUnion(published: Schema, next: Schema, at: string): string[] {
  const before = published.anyOf ?? [published];
  return (next.anyOf ?? [next]).flatMap((now) => {
    const found = before.map((then) => breaks(then, now, at));
    return found.some((faults) => faults.length === 0) ? [] : (found[0] ?? []);
  });
}

function breaksOfType(published: Schema, next: Schema, at: string): string[] {
  const [before, now] = [published.type, next.type].map((type) => (type === undefined ? [] : [type].flat()));
  if (before === undefined || now === undefined || before.length === 0) return [];
  const fits = (type: string) => before.includes(type) || (type === 'integer' && before.includes('number'));
  return now.length > 0 && now.every(fits)
    ? []
    : [`${at} was ${before.join(' or ')} and is ${now.join(' or ') || 'anything'}`];
}

function breaksOfValues(published: Schema, next: Schema, at: string): string[] {
  const before = valuesOf(published);
  if (before === undefined) return [];
  const now = valuesOf(next);
  if (now === undefined) return [`${at} was one of ${before.join(', ')} and is anything`];
  return now.filter((value) => !before.includes(value)).map((value) => `${at} may now be ${value}`);
}

const valuesOf = (schema: Schema): string[] | undefined =>
  'const' in schema ? [JSON.stringify(schema.const)] : schema.enum?.map((value) => JSON.stringify(value));

function breaksOfFields(published: Schema, next: Schema, at: string): string[] {
  return Object.entries(published.properties ?? {}).flatMap(([name, before]) => {
    const now = next.properties?.[name];
    if (now === undefined) return [`${at}.${name} is gone`];
    const optional = published.required?.includes(name) && !next.required?.includes(name);
    return [...(optional ? [`${at}.${name} may now be absent`] : []), ...breaks(before, now, `${at}.${name}`)];
  });
}
