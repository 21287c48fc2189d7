import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { root } from '../lib/say.ts';

type Rule = { readonly what: string; readonly pattern: RegExp };

const KEYS: readonly Rule[] = [
  { what: 'a private key', pattern: /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/ },
  { what: 'an AWS access key', pattern: /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/ },
  { what: 'a GitHub token', pattern: /\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_\w{60,}\b/ },
  { what: 'an npm token', pattern: /\bnpm_[A-Za-z0-9]{36}\b|_authToken\s*=\s*[^\s$]/ },
  { what: 'a Slack token', pattern: /\bxox[abeprs]-[A-Za-z0-9-]{20,}/ },
  { what: 'an OpenAI or Anthropic key', pattern: /\bsk-(?:proj-|ant-|svcacct-)?[A-Za-z0-9_-]{32,}/ },
  { what: 'a Google API key', pattern: /\bAIza[0-9A-Za-z_-]{35}\b/ },
  { what: 'a Stripe key', pattern: /\b[rs]k_live_[0-9A-Za-z]{20,}/ },
  { what: 'a signed token', pattern: /\beyJ[\w-]{15,}\.eyJ[\w-]{15,}\.[\w-]{20,}/ },
  {
    what: "a password in a database's address",
    pattern: /\bpostgres(?:ql)?:\/\/[^\s:/@$<{]+:(?!password@|secret@)[^\s@$<{]{8,}@/,
  },
];

const PLACES: readonly Rule[] = [
  { what: "a person's folder", pattern: /(?<![\w.])\/(?:home|Users)\/(?!node\b|user\b|runner\b|you\b)[a-z][\w.-]*\// },
  { what: "this machine's folder", pattern: new RegExp(`(?<![\\w.-])${RegExp.escape(root)}(?![\\w-])`) },
  ...(homedir().length > 6
    ? [{ what: 'your home folder', pattern: new RegExp(`(?<![\\w.-])${RegExp.escape(homedir())}(?![\\w-])`) }]
    : []),
];

const DOWNLOAD: Rule = {
  what: 'a download address (a lockfile holds checksums only)',
  pattern: /"resolved": "https?:/,
};

/** A line may say that what it holds only looks like one: `// not a secret: why`. */
const EXCUSED = /not a secret: \S/;

/** What must not be in a file of ours, a sentence a line that holds it. */
export function secretFaults(file: string, text: string): string[] {
  const rules = file.endsWith('package-lock.json') ? [DOWNLOAD, ...PLACES] : [...KEYS, ...PLACES];
  return text
    .split('\n')
    .flatMap((line, index) =>
      EXCUSED.test(line)
        ? []
        : rules.filter(({ pattern }) => pattern.test(line)).map(({ what }) => `${file}:${index + 1} holds ${what}.`),
    );
}

/** Every file that is, or would be, committed. */
export function treeFaults(): string[] {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root });
  const files = listed.toString('utf8').split('\0').filter(Boolean);
  return files.flatMap((file) => {
    const text = readText(path.join(root, file));
    return text === undefined ? [] : secretFaults(file, text);
  });
}

/** Undefined for a binary file, or one that is deleted and not committed so. */
function readText(file: string): string | undefined {
  try {
    const bytes = readFileSync(file);
    return bytes.subarray(0, 8000).includes(0) ? undefined : bytes.toString('utf8');
  } catch {
    return undefined;
  }
}
