import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';

/** Settings by name, as text. An empty text counts as absent. */
export type Environment = Readonly<Record<string, string>>;

export type EnvironmentRead = { readonly env: Environment; readonly faults: readonly string[] };

/**
 * The only reader of the process's environment. `.env` in `folder` fills in what the environment does not set, and
 * `NAME_FILE` names a file whose content is NAME (a mounted secret).
 */
export function readEnvironment(folder: string, environment: NodeJS.ProcessEnv = process.env): EnvironmentRead {
  const faults: string[] = [];
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...readDotEnv(folder, faults), ...environment }))
    if (value !== undefined && value.trim() !== '') env[name] = value.trim();
  for (const [name, path] of Object.entries(env)) {
    const setting = name.endsWith('_FILE') ? name.slice(0, -'_FILE'.length) : '';
    if (!KNOWN.has(setting)) continue;
    if (env[setting] !== undefined) {
      faults.push(`${setting} and ${name} are both set; keep one of them.`);
      continue;
    }
    try {
      env[setting] = readFileSync(path, 'utf8').trim();
    } catch (error) {
      faults.push(`${name} names a file that cannot be read (${(error as NodeJS.ErrnoException).code}): ${path}.`);
    }
  }
  return { env, faults };
}

function readDotEnv(folder: string, faults: string[]): NodeJS.Dict<string> {
  const path = join(folder, '.env');
  try {
    return parseEnv(readFileSync(path, 'utf8'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') faults.push(`${path} cannot be read (${code}).`);
    return {};
  }
}

/** Every setting there is; `.env.example` and the documentation tell the same list. */
export const SETTINGS = [
  'PARLEY_PROFILE',
  'PROJECT_NAME',
  'DEBUG',
  'HOST',
  'INTERNAL_HOST',
  'PORT',
  'API_PORT',
  'METRICS_PORT',
  'API_V1_PREFIX',
  'PUBLIC_URL',
  'TRUSTED_PROXIES',
  'CORS_ORIGINS',
  'DATA_DIR',
  'DATABASE_URL',
  'REDIS_URL',
  'REDIS_PREFIX',
  'ALLOW_PLAINTEXT',
  'MASTER_KEY',
  'SIGNUP',
  'LOG_RETENTION_DAYS',
  'REQUESTS_PER_MINUTE',
  'SOCKETS_PER_TENANT',
  'OUTBOUND_ALLOW',
  'LOG_FORMAT',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OPENAI_API_KEY',
  'OPENAI_BASE_URL',
  'ANTHROPIC_API_KEY',
  'ANTHROPIC_BASE_URL',
  'GOOGLE_API_KEY',
  'GOOGLE_BASE_URL',
  'OPENAI_COMPATIBLE_URL',
  'OPENAI_COMPATIBLE_API_KEY',
  'PAYMENT_URL',
  'PAYMENT_API_KEY',
  'ORDER_EXPIRY_MINUTES',
] as const;

export type Setting = (typeof SETTINGS)[number];

const KNOWN: ReadonlySet<string> = new Set(SETTINGS);

/** Settings that look like ours and mean nothing: a misspelt one should not be silent. */
export function unknownSettings(env: Environment): string[] {
  const ours = new Set<string>([
    ...SETTINGS,
    ...SETTINGS.map((name) => `${name}_FILE`),
    'PARLEY_TEST_DATABASE',
    'PARLEY_TEST_REDIS',
  ]);
  return Object.keys(env).filter((name) => name.startsWith('PARLEY_') && !ours.has(name));
}
