import { type FormEvent, useState } from 'react';
import { fieldProblems } from './errors.ts';

type Problems<T> = Partial<Record<keyof T & string, string>>;

export type Form<T> = {
  values: T;
  set<K extends keyof T & string>(name: K, value: T[K]): void;
  replace(values: T): void;
  /** The problem to show beside a field: once it was left, or after a try to submit. */
  problem(name: keyof T & string): string | undefined;
  touch(name: keyof T & string): void;
  valid: boolean;
  busy: boolean;
  error: unknown;
  dirty: boolean;
  submit(event?: FormEvent): Promise<void>;
};

type Options<T> = {
  initial: T;
  validate?(values: T): Problems<T>;
  submit(values: T): Promise<void>;
};

/** A form's values, what is wrong with them (checked while typing, told when it helps), and its way to the server. */
export function useForm<T extends object>({ initial, validate, submit }: Options<T>): Form<T> {
  const [values, setValues] = useState(initial);
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [dirty, setDirty] = useState(false);
  const [failure, setFailure] = useState<{ error: unknown; fields: Record<string, string> } | undefined>();
  const problems: Problems<T> = validate?.(values) ?? {};
  const valid = Object.keys(problems).length === 0;

  return {
    values,
    set(name, value) {
      setValues((before) => ({ ...before, [name]: value }));
      setDirty(true);
      if (failure?.fields[name]) setFailure({ ...failure, fields: { ...failure.fields, [name]: '' } });
    },
    replace(next) {
      setValues(next);
      setDirty(false);
      setTried(false);
      setTouched(new Set());
    },
    problem(name) {
      if (tried || touched.has(name)) return problems[name] ?? (failure?.fields[name] || undefined);
      return failure?.fields[name] || undefined;
    },
    touch: (name) => setTouched((before) => new Set(before).add(name)),
    valid,
    busy,
    error: failure?.error,
    dirty,
    async submit(event) {
      event?.preventDefault();
      setTried(true);
      if (!valid || busy) return;
      setBusy(true);
      setFailure(undefined);
      try {
        await submit(values);
        setDirty(false);
      } catch (error) {
        setFailure({ error, fields: fieldProblems(error) });
      } finally {
        setBusy(false);
      }
    },
  };
}
