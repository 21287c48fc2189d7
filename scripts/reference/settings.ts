import type { Setting } from '../../src/platform/config/env.ts';

type Row = { readonly fallback: string; readonly what: string; readonly sample: string };
type Group = { readonly title: string; readonly settings: Partial<Record<Setting, Row>> };

/** What each setting means. `gen` makes docs/reference/configuration.md and .env.example of it. */
export const GROUPS: readonly Group[] = [
  {
    title: 'The installation',
    settings: {
      PARLEY_PROFILE: {
        fallback: '`development`',
        sample: 'development',
        what: '`development`, `testing` or `production`. Production refuses to start without `DATABASE_URL`, `REDIS_URL` and `MASTER_KEY`, listens on all addresses, invites instead of open sign-up, does not migrate by itself and makes no demo tenant.',
      },
      PROJECT_NAME: { fallback: '`Parley`', sample: 'Parley', what: "The product's name in the documentation pages." },
      DEBUG: { fallback: '`false`', sample: 'false', what: 'Logs more. Never changes what a client sees.' },
      DATA_DIR: {
        fallback: '`.parley`',
        sample: '.parley',
        what: "The packaged PostgreSQL's data, the development master key and `demo.json`. Relative to the folder of the start.",
      },
    },
  },
  {
    title: 'Addresses',
    settings: {
      HOST: {
        fallback: '`127.0.0.1`, in production `0.0.0.0`',
        sample: '127.0.0.1',
        what: 'The address that `PORT` listens on.',
      },
      INTERNAL_HOST: {
        fallback: '`127.0.0.1`',
        sample: '127.0.0.1',
        what: 'The address that `API_PORT` and `METRICS_PORT` listen on. Metrics are open to whoever reaches it.',
      },
      PORT: {
        fallback: '`8080`',
        sample: '8080',
        what: 'The public door: API, console and documentation. 0 takes any free port.',
      },
      API_PORT: { fallback: '`8000`', sample: '8000', what: "The api role's own port; serves the same." },
      METRICS_PORT: { fallback: '`9100`', sample: '9100', what: '`/metrics` for Prometheus. Not for the public.' },
      API_V1_PREFIX: { fallback: '`/api/v1`', sample: '/api/v1', what: 'Where the API is mounted.' },
      PUBLIC_URL: {
        fallback: '`http://localhost:PORT`',
        sample: 'https://parley.example.com',
        what: 'What browsers and clients call this server. Access tokens are issued in its name; without it, of `http://localhost`.',
      },
      TRUSTED_PROXIES: {
        fallback: 'none',
        sample: '10.0.0.0/8',
        what: "Addresses or ranges whose `X-Forwarded-*` is believed; without one, everybody's address is the proxy's.",
      },
      CORS_ORIGINS: {
        fallback: '`http://localhost:3000`, in production none',
        sample: 'https://app.example.com',
        what: 'Origins whose pages may call the API. Commas or a JSON array.',
      },
      OUTBOUND_ALLOW: {
        fallback: 'none',
        sample: 'models.internal:8000,10.1.0.0/16',
        what: "Private hosts, `host:port`, addresses or ranges that tenants' URLs may reach all the same. Everything else that is not public is refused.",
      },
    },
  },
  {
    title: 'Storage and secrets',
    settings: {
      DATABASE_URL: {
        fallback: 'the packaged PostgreSQL',
        sample: 'postgresql://parley@db.example.com/parley',
        what: 'A PostgreSQL 15 or newer of your own. Its owner need not be a superuser, but must be able to create roles at the first migration. `sslmode` (`disable`, `require`, `verify-ca`, `verify-full`), `sslrootcert`, `sslcert` and `sslkey` are honoured as by `psql`.',
      },
      REDIS_URL: {
        fallback: 'none',
        sample: 'rediss://:secret@redis.example.com:6379/0',
        what: 'A Redis 6.2 or newer of your own. With it and `DATABASE_URL`, any number of processes serve together; without it one process does everything. It is forgetful on purpose: nothing is lost when it is flushed. `rediss:` is encrypted, and the certificate verified, by the authorities in the file `?sslrootcert=` if there is one.',
      },
      REDIS_PREFIX: {
        fallback: '`parley`',
        sample: 'parley',
        what: 'What all keys in Redis begin with: another one for each installation that shares a Redis.',
      },
      ALLOW_PLAINTEXT: {
        fallback: '`false`',
        sample: 'false',
        what: 'Lets production speak to a PostgreSQL or a Redis on another host without encryption.',
      },
      MASTER_KEY: {
        fallback: 'in development a file under `DATA_DIR`',
        sample: '',
        what: 'Seals the secrets at rest: 32 bytes as 64 hex digits or base64 (`openssl rand -base64 32`). Lost, they cannot be opened again.',
      },
      LOG_RETENTION_DAYS: { fallback: '`7`', sample: '7', what: 'How long events can be read again, 1 to 3650 days.' },
    },
  },
  {
    title: 'People',
    settings: {
      REQUESTS_PER_MINUTE: {
        fallback: '`6000`',
        sample: '6000',
        what: 'How many requests one caller, a member or an API key, may make in a minute. Beyond it the answer is 429.',
      },
      SOCKETS_PER_TENANT: {
        fallback: '`10000`',
        sample: '10000',
        what: 'How many WebSocket connections one tenant may have in one process. One more is closed with 4429.',
      },
      SIGNUP: {
        fallback: '`open`, in production `invite`',
        sample: 'open',
        what: '`open`: anybody may register a tenant. `invite`: only who is invited. `closed`: nobody new at all.',
      },
    },
  },
  {
    title: 'Model providers',
    settings: {
      OPENAI_API_KEY: {
        fallback: 'none',
        sample: '',
        what: 'Every tenant without a key of its own may use it: models `openai/…`.',
      },
      OPENAI_BASE_URL: { fallback: "the provider's", sample: '', what: 'Another address that speaks the same.' },
      ANTHROPIC_API_KEY: { fallback: 'none', sample: '', what: 'Models `anthropic/…`.' },
      ANTHROPIC_BASE_URL: { fallback: "the provider's", sample: '', what: 'Another address that speaks the same.' },
      GOOGLE_API_KEY: { fallback: 'none', sample: '', what: 'Models `google/…`.' },
      GOOGLE_BASE_URL: { fallback: "the provider's", sample: '', what: 'Another address that speaks the same.' },
      OPENAI_COMPATIBLE_URL: {
        fallback: 'none',
        sample: 'http://127.0.0.1:11434/v1',
        what: "An OpenAI-compatible server, for example Ollama or vLLM: models `local/…`. Set by the operator, so a private address is fine. Without it, this machine's usual ports are tried.",
      },
      OPENAI_COMPATIBLE_API_KEY: { fallback: 'none', sample: '', what: 'Its key, if it wants one.' },
    },
  },
  {
    title: 'Orders',
    settings: {
      PAYMENT_URL: {
        fallback: 'none',
        sample: 'https://payments.example.com/v1',
        what: 'The payment service, which speaks the protocol of the guide to orders. Without it payments are rehearsed: no money moves, and orders say so. Production then refuses orders.',
      },
      PAYMENT_API_KEY: { fallback: 'none', sample: '', what: 'Sent to it as a bearer token.' },
      ORDER_EXPIRY_MINUTES: {
        fallback: '`15`',
        sample: '15',
        what: 'How long the pieces of an order are held that is not paid, 1 to 43200 minutes.',
      },
    },
  },
  {
    title: 'Observability',
    settings: {
      LOG_FORMAT: {
        fallback: '`auto`',
        sample: 'auto',
        what: '`json`: a JSON object a line. `pretty`: for people, with time, level, message and a few fields, and without what is said all the time (`DEBUG=true` shows that too). `auto`: `pretty` in development on a terminal, else `json`.',
      },
      OTEL_EXPORTER_OTLP_ENDPOINT: {
        fallback: 'none',
        sample: 'http://127.0.0.1:4318',
        what: 'Where spans go by OTLP over HTTP. Without it none are kept.',
      },
    },
  },
];

const rows = GROUPS.flatMap(({ settings }) => Object.keys(settings));

/** Settings that nothing is said about, and the other way round. */
export function undocumented(settings: readonly string[]): string[] {
  return [...settings.filter((name) => !rows.includes(name)), ...rows.filter((name) => !settings.includes(name))];
}

export function configurationPage(): string {
  const parts = GROUPS.map(({ title, settings }) => {
    const lines = Object.entries(settings).map(
      ([name, { fallback, what }]) => `| \`${name}\` | ${fallback} | ${what} |`,
    );
    return [`## ${title}`, '', '| setting | default | meaning |', '|---|---|---|', ...lines].join('\n');
  });
  return `<!-- Made by \`make gen\` from scripts/reference/settings.ts. -->
# Configuration

Everything is set by environment variables; a file \`.env\` in the folder of the start fills in what the environment does
not say. Any setting \`NAME\` may be given as \`NAME_FILE\` instead: the path of a file that holds the value, such as a
mounted secret. An empty value counts as absent.

All faults of a configuration are told at once, a sentence each, and the process ends with exit code 78.
\`./scripts/node.sh node src/main.ts doctor\` tells them without starting anything.

${parts.join('\n\n')}
`;
}

export function envExample(): string {
  const parts = GROUPS.map(({ title, settings }) => {
    const lines = Object.entries(settings).map(([name, { sample }]) => `# ${name}=${sample}`);
    return [`# ${title}`, ...lines].join('\n');
  });
  return `# Made by \`make gen\`. Copy to .env and take away the # of what you set; docs/reference/configuration.md says what each means.
# Nothing needs to be set to try Parley.

${parts.join('\n\n')}
`;
}
