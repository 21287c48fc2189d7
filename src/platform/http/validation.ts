import { createRequire } from 'node:module';
import type { Ajv, ErrorObject, ValidateFunction } from 'ajv';
import { isUuid } from '../../lib/ids.ts';
import { AppError } from './errors.ts';
import type { JsonSchema } from './input/schemas.ts';

/** Where in the request a schema applies. */
export type Part = 'body' | 'query' | 'path';

/** One thing that is wrong: which field, by which rule of JSON Schema, in words. */
export type FieldFault = { readonly in: Part; readonly field: string; readonly rule: string; readonly message: string };

/** Throws `validation_failed`, or leaves `data` with its defaults filled in (and coerced, in query and path). */
export type Validate = (data: unknown) => void;

/** At most this many faults are told. */
const MAX_FAULTS = 20;
/** Bodies with more values than this are told their first fault only: collecting all of them is work for an attacker. */
const MAX_VALUES_FOR_ALL_FAULTS = 2_000;

const require = createRequire(import.meta.url);

/** Whether the day is there in its month: `Date.parse` takes 30 February for 2 March. */
function isDay(text: string): boolean {
  const day = text.slice(0, 10);
  const ms = Date.parse(day);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day);
}

const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  uuid: isUuid,
  'date-time': (text) =>
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(text) &&
    isDay(text) &&
    !Number.isNaN(Date.parse(text)),
  date: (text) => /^\d{4}-\d\d-\d\d$/.test(text) && isDay(text),
  email: (text) =>
    text.length <= 254 && /^[^\s@"(),:;<>[\\\]]+@[^\s@"(),:;<>[\\\]]+\.[^\s@"(),:;<>[\\\].]+$/.test(text),
  uri: (text) => URL.canParse(text),
};

/** Compiles validators, each at its first use: a start does not pay for routes that nobody asks for. */
export class Validators {
  readonly #instances = new Map<string, Ajv>();

  compile(schema: JsonSchema, part: Part): Validate {
    let first: ValidateFunction | undefined;
    let all: ValidateFunction | undefined;
    return (data) => {
      first ??= this.#ajv(part, false).compile(schema);
      if (first(data)) return;
      if (part !== 'body' || isSmall(data)) {
        all ??= this.#ajv(part, true).compile(schema);
        if (!all(data)) throw refusal(part, schema, all.errors ?? []);
      }
      throw refusal(part, schema, first.errors ?? []);
    };
  }

  #ajv(part: Part, allErrors: boolean): Ajv {
    const coerceTypes = part !== 'body';
    const key = `${coerceTypes} ${allErrors}`;
    let ajv = this.#instances.get(key);
    if (ajv === undefined) {
      const { Ajv: Class } = require('ajv') as { Ajv: typeof Ajv };
      ajv = new Class({
        strict: true,
        strictRequired: false,
        allowUnionTypes: true,
        useDefaults: true,
        removeAdditional: false,
        coerceTypes,
        allErrors,
        // A fault of a pattern is told in the words of its schema.
        verbose: true,
        formats: FORMATS,
        keywords: ['example'],
      });
      this.#instances.set(key, ajv);
    }
    return ajv;
  }
}

function isSmall(data: unknown): boolean {
  const queue: unknown[] = [data];
  for (let seen = 0; queue.length > 0; seen += 1) {
    if (seen + queue.length > MAX_VALUES_FOR_ALL_FAULTS) return false;
    const value = queue.pop();
    if (typeof value !== 'object' || value === null) continue;
    const children = Object.values(value);
    if (children.length > MAX_VALUES_FOR_ALL_FAULTS) return false;
    queue.push(...children);
  }
  return true;
}

/** The refusal of a request for these faults. */
export function validationFailed(fields: readonly FieldFault[]): AppError {
  const [first] = fields;
  const where = first === undefined ? '' : ` ${first.field || `The ${first.in}`} ${first.message}.`;
  return new AppError('validation_failed', {
    message: `The request does not have the right form:${where}`,
    details: { fields: fields.slice(0, MAX_FAULTS), ...(fields.length > MAX_FAULTS && { truncated: true }) },
  });
}

function refusal(part: Part, schema: JsonSchema, errors: readonly ErrorObject[]): AppError {
  const faults = new Map<string, FieldFault>();
  for (const error of withoutBranches(errors)) {
    const fault = describe(part, error);
    const key = `${fault.field} ${fault.rule}`;
    if (!faults.has(key)) faults.set(key, fault);
  }
  if (faults.size === 0)
    return validationFailed([{ in: part, field: '', rule: 'schema', message: `must be ${schema.type}` }]);
  return validationFailed([...faults.values()]);
}

/**
 * Of a union that nothing fits, ajv tells the faults of every branch. Where exactly one branch has the right
 * discriminator (no fault of a constant or of the type itself), only its faults are told; else only the union's, in
 * the words of what the branches have in common.
 */
function withoutBranches(errors: readonly ErrorObject[]): ErrorObject[] {
  let kept = [...errors];
  for (const union of errors.filter((error) => error.keyword === 'anyOf')) {
    const prefix = `${union.schemaPath}/`;
    const branches = new Map<string, ErrorObject[]>();
    for (const error of kept) {
      if (!error.schemaPath.startsWith(prefix)) continue;
      const index = error.schemaPath.slice(prefix.length).split('/', 1)[0] as string;
      branches.set(index, [...(branches.get(index) ?? []), error]);
    }
    const meant = meantBranches(union, [...branches.values()]);
    const [told] = meant;
    const drop = new Set<ErrorObject>(meant.length === 1 ? [union] : []);
    for (const branch of branches.values()) {
      if (meant.length === 1 && branch === told) continue;
      for (const error of branch) drop.add(error);
    }
    const common = meant.length === 0 ? commonFault(union, [...branches.values()]) : union;
    kept = kept.filter((error) => !drop.has(error)).map((error) => (error === union ? common : error));
  }
  return kept;
}

/** What every branch misses, as one fault: the type, a constant (then any of theirs will do), or a field of its own. */
function commonFault(union: ErrorObject, branches: readonly ErrorObject[][]): ErrorObject {
  const here = branches.map((branch) => branch.filter((error) => error.instancePath === union.instancePath));
  const kinds = here.map((errors) => errors.find(({ keyword }) => keyword === 'type'));
  if (kinds[0] !== undefined && kinds.every((error) => error?.params.type === kinds[0]?.params.type)) return kinds[0];
  const missing = here.map((errors) => errors.filter(({ keyword }) => keyword === 'required'));
  const [first, ...others] = missing.map((errors) => errors.map(({ params }) => String(params.missingProperty)));
  const needed = first?.find((name) => others.every((names) => names.includes(name)));
  if (needed !== undefined) return { ...union, keyword: 'required', params: { missingProperty: needed } };
  const tags = branches.map((branch) => branch.find((error) => isTagOf(union, error)));
  if (tags[0] !== undefined && tags.every((tag) => tag?.instancePath === tags[0]?.instancePath)) {
    const allowedValues = [...new Set(tags.map((tag) => tag?.params.allowedValue))];
    return { ...tags[0], keyword: 'enum', params: { allowedValues } };
  }
  if (missing.every((errors) => errors.length === 1)) {
    const fields = [...new Set(missing.map(([error]) => error?.params.missingProperty))];
    return { ...union, message: `must have one of ${fields.join(', ')}` };
  }
  return union;
}

/** Whether a constant that tells the branches of this union apart is wrong. */
const isTagOf = (union: ErrorObject, { keyword, instancePath }: ErrorObject): boolean =>
  keyword === 'const' && instancePath.slice(0, instancePath.lastIndexOf('/')) === union.instancePath;

/** The branch that has the right constant, also where it lacks a field; or those that are not wrong as a whole. */
function meantBranches(union: ErrorObject, branches: readonly ErrorObject[][]): ErrorObject[][] {
  const tagged = branches.filter((branch) => !branch.some((error) => isTagOf(union, error)));
  if (tagged.length === 1 && branches.length > 1) return tagged;
  return branches.filter((branch) => !branch.some((error) => missesBranch(union, error)));
}

function missesBranch(union: ErrorObject, error: ErrorObject): boolean {
  if (error.instancePath === union.instancePath) return error.keyword === 'type' || error.keyword === 'required';
  return error.keyword === 'const' || error.keyword === 'enum';
}

function describe(part: Part, error: ErrorObject): FieldFault {
  const path = error.instancePath
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~').slice(0, 100));
  const { missingProperty, additionalProperty, allowedValues } = error.params as Record<string, unknown>;
  if (typeof missingProperty === 'string') path.push(missingProperty);
  if (typeof additionalProperty === 'string') path.push(additionalProperty.slice(0, 100));
  return { in: part, field: path.join('.'), rule: error.keyword, message: sentence(error, allowedValues) };
}

function sentence(error: ErrorObject, allowedValues: unknown): string {
  switch (error.keyword) {
    case 'required':
      return 'is required';
    case 'additionalProperties':
      return 'is not a known field';
    case 'enum':
      return `must be one of ${(allowedValues as unknown[]).slice(0, 30).join(', ')}`;
    case 'anyOf':
      return error.message?.startsWith('must have one of') ? error.message : 'has none of the allowed forms';
    case 'pattern':
      return patternSentence(error);
    default:
      return (error.message ?? 'is not valid').replace('must NOT have', 'must not have').slice(0, 200);
  }
}

/** The pattern, and after it what it means to a person: the first sentence of the field's description, if it has one. */
function patternSentence({ params, parentSchema }: ErrorObject): string {
  if (params.pattern === '\\S') return 'must not be blank';
  const description: unknown = parentSchema?.description;
  const words = typeof description === 'string' ? description.split(/\.(?:\s|$)/, 1)[0] : undefined;
  return `must match pattern "${params.pattern}"${words ? `: ${words}` : ''}`.slice(0, 250);
}
