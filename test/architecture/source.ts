import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

export type Import = {
  /** As written: `node:fs`, `kysely`, `../db/open.ts`. */
  readonly specifier: string;
  /** A file of ours as a path from the repository's folder, else undefined. */
  readonly file: string | undefined;
  /** The statement up to its `from`. */
  readonly clause: string;
  /** Vanishes when the types are stripped. */
  readonly typeOnly: boolean;
};

export type Source = {
  /** From the repository's folder, with `/`. */
  readonly path: string;
  readonly lines: number;
  /** The text with comments, strings and regular expressions blanked out; lines stay where they are. */
  readonly code: string;
  readonly imports: readonly Import[];
};

/** A source as the rules see it. Made of any text, so that rules can be tested without files. */
export function sourceOf(file: string, text: string): Source {
  const commentless = blank(text, false);
  return {
    path: file,
    lines: text.split('\n').length - 1,
    code: blank(text, true),
    imports: importsOf(file, commentless),
  };
}

/** Every source of ours that is written by hand. */
export function readSources(root: string): Source[] {
  const patterns = ['src', 'sdk/typescript/src', 'console/src', 'test', 'scripts', 'bench', 'examples'];
  return globSync(
    patterns.map((folder) => `${folder}/**/*.{ts,tsx}`),
    { cwd: root, exclude: ['**/node_modules/**', '**/dist/**', '**/gen/**'] },
  )
    .map((file) => file.split(path.sep).join('/'))
    .sort()
    .map((file) => sourceOf(file, readFileSync(path.join(root, file), 'utf8')));
}

const STATIC = /(?:^|[;\n}])[ \t]*((?:import|export)\b(?:[^'"`;=()]*?\bfrom)?)\s*(['"])([^'"\n]+)\2/g;
const DYNAMIC = /\b(?:import|require)\(\s*(['"])([^'"\n]+)\1/g;

function importsOf(file: string, text: string): Import[] {
  const found = [
    ...Array.from(text.matchAll(STATIC), ([, clause = '', , specifier = '']) => ({ clause, specifier })),
    ...Array.from(text.matchAll(DYNAMIC), ([, , specifier = '']) => ({ clause: 'import(', specifier })),
  ];
  return found.map(({ clause, specifier }) => ({
    clause,
    specifier,
    file: specifier.startsWith('.') ? path.posix.join(path.posix.dirname(file), specifier) : undefined,
    typeOnly: isTypeOnly(clause),
  }));
}

function isTypeOnly(clause: string): boolean {
  if (/^(?:import|export)\s+type\b/.test(clause)) return true;
  const names = /\{([^}]*)\}/.exec(clause)?.[1];
  const alone = /^(?:import|export)\s*\{/.test(clause) ? (names ?? '').split(',') : [''];
  return (
    alone.length > 0 && alone.some((name) => name.trim() !== '') && alone.every((name) => /^\s*(type\b|$)/.test(name))
  );
}

/** What a slash after it begins: a regular expression after these, a division after a value. */
const BEFORE_REGEX = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|void|await|yield|throw))\s*$/;

/** Blanks comments out, and with `literals` also what is inside quotes and regular expressions. */
function blank(text: string, literals: boolean): string {
  let out = '';
  let at = 0;
  const templates: number[] = []; // open braces of each `${` we are in
  const hide = (from: number, to: number, yes: boolean) => {
    const piece = text.slice(from, to);
    out += yes ? piece.replace(/[^\n]/g, ' ') : piece;
    at = to;
  };
  const template = (from: number) => {
    const end = endOfTemplate(text, from);
    out += text[from - 1];
    hide(from, end, literals);
    if (text[end] === '$') {
      templates.push(0);
      hide(end, end + 2, false);
    } else hide(end, end + 1, false);
  };
  while (at < text.length) {
    const char = text[at] as string;
    const two = text.slice(at, at + 2);
    if (two === '//') hide(at, endAt(text, '\n', at), true);
    else if (two === '/*') hide(at, endAt(text, '*/', at + 2) + 2, true);
    else if (char === "'" || char === '"') {
      const end = endOfQuoted(text, at + 1, char);
      hide(at, at + 1, false);
      hide(at, end, literals);
      hide(at, Math.min(end + 1, text.length), false);
    } else if (char === '`') template(at + 1);
    else if (char === '/' && BEFORE_REGEX.test(out.slice(-24))) hide(at, endOfRegex(text, at + 1), literals);
    else if (char === '}' && templates.at(-1) === 0) {
      templates.pop();
      template(at + 1);
    } else {
      if (templates.length > 0 && char === '{') templates.push((templates.pop() ?? 0) + 1);
      if (templates.length > 0 && char === '}') templates.push((templates.pop() ?? 0) - 1);
      hide(at, at + 1, false);
    }
  }
  return out;
}

function endAt(text: string, what: string, from: number): number {
  const end = text.indexOf(what, from);
  return end < 0 ? text.length : end;
}

function endOfQuoted(text: string, from: number, quote: string): number {
  let at = from;
  while (at < text.length && text[at] !== quote && text[at] !== '\n') at += text[at] === '\\' ? 2 : 1;
  return Math.min(at, text.length);
}

/** Where a template's text ends: at its closing quote, or at the `$` of a `${`. */
function endOfTemplate(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== '`' && text.slice(at, at + 2) !== '${') at += text[at] === '\\' ? 2 : 1;
  return Math.min(at, text.length);
}

function endOfRegex(text: string, from: number): number {
  let inClass = false;
  for (let at = from; at < text.length && text[at] !== '\n'; at += text[at] === '\\' ? 2 : 1) {
    if (text[at] === '[') inClass = true;
    else if (text[at] === ']') inClass = false;
    else if (text[at] === '/' && !inClass) return at + 1;
  }
  return from;
}
