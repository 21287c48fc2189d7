import { resolve } from 'node:path';
import type { Environment } from './env.ts';
import { isAddressOrRange, isOrigin, isReachable, parseKey, SettingsReader } from './parse.ts';
import { faultOfDatabaseUrl, faultOfRedisUrl, isPlaintext } from './transport.ts';

/** Everything that can be set, read once at the start. `env.ts` makes it; nothing else reads the environment. */
export type Config = {
  readonly profile: 'development' | 'testing' | 'production';
  readonly projectName: string;
  readonly version: string;
  readonly debug: boolean;
  /** Where `port` listens. */
  readonly host: string;
  /** Where `apiPort` and `metricsPort` listen. */
  readonly internalHost: string;
  /** The public door (`PORT`, 8080) and the api's own (`API_PORT`, 8000); 0 takes any free port. */
  readonly port: number;
  readonly apiPort: number;
  readonly metricsPort: number;
  readonly apiPrefix: string;
  readonly publicUrl: string;
  /** In whose name access tokens are issued: the same in every process of an installation, whatever its ports. */
  readonly issuer: string;
  /** CIDR ranges or addresses whose `X-Forwarded-*` is believed. */
  readonly trustedProxies: readonly string[];
  readonly corsOrigins: readonly string[];
  /** Absolute path. */
  readonly dataDir: string;
  /** A server of your own; undefined starts the packaged one under `dataDir`. */
  readonly databaseUrl: string | undefined;
  /** With it, and a database of your own, any number of processes serve together; undefined: one does everything. */
  readonly redisUrl: string | undefined;
  /** What all keys in Redis begin with. */
  readonly redisPrefix: string;
  /** 32 bytes. */
  readonly masterKey: Buffer;
  readonly signup: 'open' | 'invite' | 'closed';
  readonly logRetentionDays: number;
  /** How many requests one caller (a member or an API key) may make in a minute. */
  readonly requestsPerMinute: number;
  /** How many WebSocket connections one tenant may have in one process. */
  readonly socketsPerTenant: number;
  /** Hosts, `host:port` or CIDR ranges that tenants' URLs may reach although they are private. */
  readonly outboundAllow: readonly string[];
  /** `auto`: for people in development on a terminal, else JSON. */
  readonly logFormat: 'auto' | 'json' | 'pretty';
  readonly otlpEndpoint: string | undefined;
  readonly providers: ProviderSettings;
  /** Who takes payments. Undefined: they are rehearsed, and in production nothing can be ordered. */
  readonly payment: { readonly url: string; readonly apiKey: string | undefined } | undefined;
  /** How long the pieces of an unpaid order are held. */
  readonly orderExpiryMinutes: number;
};

/** Keys that the operator set in the environment; every tenant may use them. */
export type ProviderSettings = {
  readonly openai?: { readonly apiKey: string; readonly baseUrl?: string };
  readonly anthropic?: { readonly apiKey: string; readonly baseUrl?: string };
  readonly google?: { readonly apiKey: string; readonly baseUrl?: string };
  /** `OPENAI_COMPATIBLE_URL`, `…_API_KEY`: model ids `local/…`. Operator-set, so a private address is trusted. */
  readonly compatible?: { readonly baseUrl: string; readonly apiKey?: string };
};

/** A start that cannot be: every fault of it at once, a sentence each. */
export class ConfigFaults extends Error {
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super(faults.join('\n'));
    this.faults = faults;
  }
}

/** What the settings say. The master key may be missing still: development then makes one (`load.ts`). */
export type ParsedConfig = Omit<Config, 'masterKey'> & { readonly masterKey: Buffer | undefined };

const PORTS = { min: 0, max: 65_535 };

/**
 * Pure: settings in, config out. Contradictions and what production cannot do without are faults; they are collected,
 * so that a start tells them all at once. `folder` is what relative paths are relative to.
 */
export function parseConfig(
  env: Environment,
  { folder, version }: { folder: string; version: string },
): { config: ParsedConfig; faults: readonly string[] } {
  const read = new SettingsReader(env);
  const profile = read.oneOf('PARLEY_PROFILE', 'development', ['development', 'testing', 'production']);
  const production = profile === 'production';
  const port = read.whole('PORT', 8080, PORTS);
  const publicUrl = read.url('PUBLIC_URL');
  const config: ParsedConfig = {
    profile,
    projectName: read.text('PROJECT_NAME', 'Parley'),
    version,
    debug: read.yesNo('DEBUG', false),
    host: read.text('HOST', production ? '0.0.0.0' : '127.0.0.1'),
    internalHost: read.text('INTERNAL_HOST', '127.0.0.1'),
    port,
    apiPort: read.whole('API_PORT', 8000, PORTS),
    metricsPort: read.whole('METRICS_PORT', 9100, PORTS),
    apiPrefix: apiPrefix(read),
    publicUrl: publicUrl ?? `http://localhost${port === 0 ? '' : `:${port}`}`,
    issuer: publicUrl ?? 'http://localhost',
    trustedProxies: eachMust(read, 'TRUSTED_PROXIES', isAddressOrRange, 'an IP address or a range such as 10.0.0.0/8'),
    corsOrigins: eachMust(read, 'CORS_ORIGINS', isOrigin, 'an origin such as https://app.example.com', [
      ...(production ? [] : ['http://localhost:3000']),
    ]),
    dataDir: resolve(folder, read.text('DATA_DIR', '.parley')),
    databaseUrl: sound(read, read.url('DATABASE_URL', ['postgresql:', 'postgres:']), faultOfDatabaseUrl),
    redisUrl: sound(read, read.url('REDIS_URL', ['redis:', 'rediss:']), faultOfRedisUrl),
    redisPrefix: redisPrefix(read),
    masterKey: masterKey(read),
    signup: read.oneOf('SIGNUP', production ? 'invite' : 'open', ['open', 'invite', 'closed']),
    logRetentionDays: read.whole('LOG_RETENTION_DAYS', 7, { min: 1, max: 3650 }),
    requestsPerMinute: read.whole('REQUESTS_PER_MINUTE', 6_000, { min: 1, max: 100_000_000 }),
    socketsPerTenant: read.whole('SOCKETS_PER_TENANT', 10_000, { min: 1, max: 1_000_000 }),
    outboundAllow: eachMust(read, 'OUTBOUND_ALLOW', isReachable, 'a host, host:port, an address or a range'),
    logFormat: read.oneOf('LOG_FORMAT', 'auto', ['auto', 'json', 'pretty']),
    otlpEndpoint: read.url('OTEL_EXPORTER_OTLP_ENDPOINT'),
    providers: providers(read),
    payment: payment(read),
    orderExpiryMinutes: read.whole('ORDER_EXPIRY_MINUTES', 15, { min: 1, max: 43_200 }),
  };
  requireForProduction(read, config);
  refusePlaintext(read, config);
  distinctPorts(read, config);
  return { config, faults: read.faults };
}

function apiPrefix(read: SettingsReader): string {
  const prefix = read.text('API_V1_PREFIX', '/api/v1');
  if (/^(\/[a-z0-9._-]+)+$/i.test(prefix) && prefix !== '/v1') return prefix;
  return read.fault(`API_V1_PREFIX must be a path such as /api/v1 (and not /v1 itself), not "${prefix}".`, '/api/v1');
}

function redisPrefix(read: SettingsReader): string {
  const prefix = read.text('REDIS_PREFIX', 'parley');
  if (/^[\w.-]{1,64}$/.test(prefix)) return prefix;
  return read.fault('REDIS_PREFIX must be 1 to 64 letters, digits, dots, hyphens or underscores.', 'parley');
}

/** An address that its own rule finds nothing wrong with. */
function sound(
  read: SettingsReader,
  url: string | undefined,
  faultOf: (url: string) => string | undefined,
): string | undefined {
  const sentence = url === undefined ? undefined : faultOf(url);
  return sentence === undefined ? url : read.fault(sentence, undefined);
}

function eachMust(
  read: SettingsReader,
  name: 'TRUSTED_PROXIES' | 'CORS_ORIGINS' | 'OUTBOUND_ALLOW',
  isGood: (item: string) => boolean,
  wanted: string,
  fallback: readonly string[] = [],
): readonly string[] {
  const items = read.list(name, fallback);
  for (const item of items)
    if (!isGood(item)) read.fault(`${name} holds "${item}", which is not ${wanted}.`, undefined);
  return items;
}

function masterKey(read: SettingsReader): Buffer | undefined {
  const text = read.text('MASTER_KEY');
  if (text === undefined) return undefined;
  return (
    parseKey(text) ??
    read.fault(
      'MASTER_KEY must be 32 bytes, as 64 hex digits or base64: "openssl rand -base64 32" makes one.',
      undefined,
    )
  );
}

function requireForProduction(read: SettingsReader, { profile }: ParsedConfig): void {
  if (profile !== 'production') return;
  if (read.text('MASTER_KEY') === undefined)
    read.fault('Production needs MASTER_KEY (32 bytes): without it, secrets could not be opened again.', undefined);
  if (read.text('DATABASE_URL') === undefined)
    read.fault('Production needs DATABASE_URL: the address of a PostgreSQL 15 or newer.', undefined);
  if (read.text('REDIS_URL') === undefined)
    read.fault('Production needs REDIS_URL: the address of a Redis 6.2 or newer.', undefined);
}

/** Whoever is between would read every password and every message. */
function refusePlaintext(read: SettingsReader, { profile, databaseUrl, redisUrl, payment }: ParsedConfig): void {
  if (read.yesNo('ALLOW_PLAINTEXT', false) || profile !== 'production') return;
  const unless = 'or set ALLOW_PLAINTEXT=true where the network between is trusted.';
  if (databaseUrl !== undefined && isPlaintext(databaseUrl))
    read.fault(`DATABASE_URL goes to another host in plain text: add sslmode=verify-full to it, ${unless}`, undefined);
  if (redisUrl !== undefined && isPlaintext(redisUrl))
    read.fault(`REDIS_URL goes to another host in plain text: let it begin with rediss://, ${unless}`, undefined);
  if (payment !== undefined && isPlaintext(payment.url))
    read.fault(`PAYMENT_URL goes to another host in plain text: let it begin with https://, ${unless}`, undefined);
}

/** The public door and the api's own may be one; the metrics are not for whoever reaches either. */
function distinctPorts(read: SettingsReader, { port, apiPort, metricsPort }: ParsedConfig): void {
  if (metricsPort === 0) return;
  if (metricsPort === port) read.fault(`PORT and METRICS_PORT are both ${port}.`, undefined);
  else if (metricsPort === apiPort) read.fault(`API_PORT and METRICS_PORT are both ${apiPort}.`, undefined);
}

function payment(read: SettingsReader): ParsedConfig['payment'] {
  const url = read.url('PAYMENT_URL');
  const apiKey = read.text('PAYMENT_API_KEY');
  if (url === undefined && apiKey !== undefined)
    read.fault('PAYMENT_API_KEY is set, and PAYMENT_URL is not.', undefined);
  return url === undefined ? undefined : { url, apiKey };
}

function providers(read: SettingsReader): ProviderSettings {
  const cloud = (key: 'OPENAI_API_KEY' | 'ANTHROPIC_API_KEY' | 'GOOGLE_API_KEY') => {
    const base = key.replace('_API_KEY', '_BASE_URL') as 'OPENAI_BASE_URL' | 'ANTHROPIC_BASE_URL' | 'GOOGLE_BASE_URL';
    const apiKey = read.text(key);
    const baseUrl = read.url(base);
    if (apiKey === undefined && baseUrl !== undefined) read.fault(`${base} is set, and ${key} is not.`, undefined);
    return apiKey === undefined ? undefined : { apiKey, ...(baseUrl !== undefined && { baseUrl }) };
  };
  const openai = cloud('OPENAI_API_KEY');
  const anthropic = cloud('ANTHROPIC_API_KEY');
  const google = cloud('GOOGLE_API_KEY');
  const compatibleUrl = read.url('OPENAI_COMPATIBLE_URL');
  const compatibleKey = read.text('OPENAI_COMPATIBLE_API_KEY');
  if (compatibleUrl === undefined && compatibleKey !== undefined)
    read.fault('OPENAI_COMPATIBLE_API_KEY is set, and OPENAI_COMPATIBLE_URL is not.', undefined);
  return {
    ...(openai && { openai }),
    ...(anthropic && { anthropic }),
    ...(google && { google }),
    ...(compatibleUrl !== undefined && {
      compatible: { baseUrl: compatibleUrl, ...(compatibleKey !== undefined && { apiKey: compatibleKey }) },
    }),
  };
}
