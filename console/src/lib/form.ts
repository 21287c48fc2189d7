import { type FormEvent, useState } from 'react';
import { fieldProblems } from './errors.ts';

/** By field; of a field that holds others, by dotted path: `edges.2.to`. */
type Problems = Record<string, string>;

export type Form<T> = {
  values: T;
  set<K extends keyof T & string>(name: K, value: T[K]): void;
  /** Several at once. */
  change(to: (values: T) => T): void;
  replace(values: T): void;
  /** The problem to show beside a field: once it was left, or after a try to submit. */
  problem(name: string): string | undefined;
  /** The problem now, whatever was touched: for what is built up step by step. */
  live(name: string): string | undefined;
  /** What the server refused and no field shows. */
  rest(shown: (name: string) => boolean): string[];
  touch(name: string): void;
  valid: boolean;
  busy: boolean;
  tried: boolean;
  error: unknown;
  dirty: boolean;
  submit(event?: FormEvent): Promise<void>;
};

type Options<T> = {
  initial: T;
  validate?(values: T): { [name: string]: string | undefined };
  submit(values: T): Promise<void>;
  /** What a field of the server's is called here. */
  placeOf?(field: string, values: T): string;
  /** Called after a try to submit that found problems of its own. */
  onInvalid?(): void;
};

/** A form's values, what is wrong with them (checked while typing, told when it helps), and its way to the server. */
export function useForm<T extends object>(options: Options<T>): Form<T> {
  const { initial, validate, submit, placeOf, onInvalid } = options;
  const [values, setValues] = useState(initial);
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [dirty, setDirty] = useState(false);
  const [failure, setFailure] = useState<{ error: unknown; fields: Problems } | undefined>();
  const problems: Problems = withoutEmpty(validate?.(values) ?? {});
  const valid = Object.keys(problems).length === 0;
  const head = (name: string): string => name.split('.')[0] ?? name;
  // What the server refused is over once all of it was changed.
  const forget = (changed: (name: string) => boolean): void => {
    if (!failure) return;
    const before = Object.entries(failure.fields);
    const left = before.filter(([name]) => !changed(name));
    if (before.length > 0 && left.length === 0) setFailure(undefined);
    else if (left.length < before.length) setFailure({ ...failure, fields: Object.fromEntries(left) });
  };

  return {
    values,
    set(name, value) {
      setValues((before) => ({ ...before, [name]: value }));
      setDirty(true);
      forget((other) => head(other) === name);
    },
    change(to) {
      setValues(to);
      setDirty(true);
      forget(() => true);
    },
    replace(next) {
      setValues(next);
      setDirty(false);
      setTried(false);
      setTouched(new Set());
      setFailure(undefined);
    },
    problem(name) {
      if (tried || touched.has(name) || touched.has(head(name))) return problems[name] ?? failure?.fields[name];
      return failure?.fields[name];
    },
    live: (name) => problems[name] ?? failure?.fields[name],
    rest: (shown) =>
      Object.entries(failure?.fields ?? {}).flatMap(([name, problem]) => (shown(name) ? [] : [`${name}: ${problem}`])),
    touch: (name) => setTouched((before) => new Set(before).add(name)),
    valid,
    busy,
    tried,
    error: failure?.error,
    dirty,
    async submit(event) {
      event?.preventDefault();
      setTried(true);
      if (!valid) onInvalid?.();
      if (!valid || busy) return;
      setBusy(true);
      setFailure(undefined);
      try {
        await submit(values);
        setDirty(false);
      } catch (error) {
        const fields = Object.entries(fieldProblems(error));
        const here = fields.map(([field, problem]) => [placeOf?.(field, values) ?? field, problem] as const);
        setFailure({ error, fields: Object.fromEntries(here) });
      } finally {
        setBusy(false);
      }
    },
  };
}

const withoutEmpty = (problems: { [name: string]: string | undefined }): Problems =>
  Object.fromEntries(
    Object.entries(problems).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ''),
  );
