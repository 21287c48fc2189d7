import path from 'node:path';
import type { Import, Source } from './source.ts';

/** A rule of the house. `check` gives a sentence for each place that breaks it. */
export type Rule = {
  readonly name: string;
  check(sources: readonly Source[]): string[];
  /** Sources that break it, to show that the rule sees it: path → text. */
  readonly bad: readonly Record<string, string>[];
};

/** From top to bottom; a module imports only modules above it. The same order as in app.ts. */
export const MODULES = [
  ...['identity', 'access', 'audit', 'usage', 'traces', 'models', 'guardrails', 'knowledge', 'catalog', 'orders'],
  ...['tools', 'prompts', 'experiments', 'agents', 'discussions', 'voice', 'webhooks', 'operations'],
  ...['openai', 'mcp', 'a2a'],
];

const FILE_LINES = 500;
const FOLDER_FILES = 12;

/** Module-level state that is right all the same, and why. */
const STATE_ALLOWED: Readonly<Record<string, string>> = {
  'src/lib/ids.ts': 'a pool of random bytes: nobody can tell them from fresh ones',
  'src/platform/telemetry/trace.ts': 'a pool of random bytes, as in lib/ids.ts',
  'src/main.ts': 'the program itself: when the first signal came',
  'src/platform/db/connection.ts': 'a bounded memo of a pure function: the text of a statement → its digest',
};

const isTest = ({ path: file }: Source) => file.endsWith('.test.ts') || file.endsWith('.test.tsx');
const product = (sources: readonly Source[]) => sources.filter((s) => s.path.startsWith('src/') && !isTest(s));
const moduleOf = (file: string | undefined) => /^src\/modules\/([^/]+)\//.exec(file ?? '')?.[1];
const base = (file: string) => path.posix.basename(file);

/** A sentence for each import for which `isBad` holds. */
function badImports(sources: readonly Source[], isBad: (source: Source, imported: Import) => boolean): string[] {
  return sources.flatMap((source) =>
    source.imports.filter((i) => isBad(source, i)).map((i) => `${source.path} imports ${i.file ?? i.specifier}`),
  );
}

/** A sentence for each line of code that matches. */
function badLines(sources: readonly Source[], pattern: RegExp): string[] {
  return sources.flatMap((source) =>
    source.code
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${source.path}:${index + 1}: ${line.trim()}`] : [])),
  );
}

const modules: Rule[] = [
  {
    name: 'a module imports only modules above it',
    check: (sources) =>
      badImports(product(sources), (source, { file }) => {
        const [from, to] = [moduleOf(source.path), moduleOf(file)];
        return from !== undefined && to !== undefined && from !== to && MODULES.indexOf(to) > MODULES.indexOf(from);
      }),
    bad: [{ 'src/modules/agents/service.ts': "import type { Discussion } from '../discussions/index.ts';" }],
  },
  {
    name: 'every module stands in the list, and has its door',
    check: (sources) => {
      const names = new Set(sources.flatMap(({ path: file }) => moduleOf(file) ?? []));
      const files = new Set(sources.map(({ path: file }) => file));
      return [...names].flatMap((name) => [
        ...(MODULES.includes(name) ? [] : [`${name} is not in the list of modules`]),
        ...(files.has(`src/modules/${name}/index.ts`) ? [] : [`src/modules/${name} has no index.ts`]),
      ]);
    },
    bad: [{ 'src/modules/agents/service.ts': '' }, { 'src/modules/gadgets/index.ts': '' }],
  },
  {
    name: 'a module is entered only by its index.ts',
    check: (sources) =>
      badImports(
        sources.filter((s) => s.path.startsWith('src/')),
        (source, { file }) => {
          const to = moduleOf(file);
          return to !== undefined && to !== moduleOf(source.path) && file !== `src/modules/${to}/index.ts`;
        },
      ),
    bad: [
      { 'src/modules/agents/service.ts': "import { find } from '../models/store.ts';" },
      { 'src/app.ts': "const { x } = await import('./modules/models/store.ts');" },
    ],
  },
  {
    name: 'a module knows no role, no command and not the whole',
    check: (sources) =>
      badImports(
        product(sources),
        (source, { file }) =>
          moduleOf(source.path) !== undefined && /^src\/(roles|commands)\/|^src\/(app|main)\.ts$/.test(file ?? ''),
      ),
    bad: [{ 'src/modules/agents/index.ts': "import { worker } from '../../roles/worker.ts';" }],
  },
  {
    name: 'platform imports no module, and nothing above it',
    check: (sources) =>
      badImports(
        product(sources),
        (source, { file }) =>
          source.path.startsWith('src/platform/') && file !== undefined && !/^src\/(platform|lib|gen)\//.test(file),
      ),
    bad: [
      { 'src/platform/http/server.ts': "import { verify } from '../../modules/identity/index.ts';" },
      { 'src/platform/db/open.ts': "import { app } from '../../app.ts';" },
    ],
  },
  {
    name: 'lib imports nothing of ours and does no I/O',
    check: (sources) =>
      badImports(
        product(sources),
        (source, { file, specifier }) =>
          source.path.startsWith('src/lib/') &&
          (file !== undefined
            ? !file.startsWith('src/lib/')
            : /^(node:)?(fs|net|http|https|child_process|dns)\b/.test(specifier)),
      ),
    bad: [
      { 'src/lib/ids.ts': "export { AppError } from '../platform/http/errors.ts';" },
      { 'src/lib/text.ts': "import { readFile } from 'node:fs/promises';" },
    ],
  },
  {
    name: `no folder of a module holds more than ${FOLDER_FILES} files`,
    check: (sources) => {
      const folders = Map.groupBy(
        product(sources).filter((s) => moduleOf(s.path)),
        (s) => path.posix.dirname(s.path),
      );
      return [...folders].flatMap(([folder, files]) =>
        files.length > FOLDER_FILES ? [`${folder} has ${files.length}: split it by noun`] : [],
      );
    },
    bad: [Object.fromEntries(Array.from({ length: 13 }, (_, n) => [`src/modules/agents/file${n}.ts`, '']))],
  },
];

const SQL_FILE = /^src\/platform\/db\/|^src\/modules\/.+\/(store|views)(-[a-z]+)?\.ts$|^src\/platform\/[^/]+\/sql\.ts$/;

const absences: Rule[] = [
  {
    name: 'only platform/config/env.ts reads the environment',
    check: (sources) =>
      badLines(
        product(sources).filter((s) => s.path !== 'src/platform/config/env.ts'),
        /\bprocess\s*(\?\.|\.)\s*env\b|\bprocess\[|\{[^}]*\benv\b[^}]*\}\s*=\s*process\b/,
      ).concat(
        badImports(
          product(sources).filter((s) => s.path !== 'src/platform/config/env.ts'),
          (_, { specifier, clause }) => /^(node:)?process$/.test(specifier) && /\benv\b/.test(clause),
        ),
      ),
    bad: [
      { 'src/app.ts': 'const port = process.env.PORT;' },
      { 'src/app.ts': 'const { env } = process;' },
      { 'src/app.ts': "import { env } from 'node:process';" },
    ],
  },
  {
    name: 'only main.ts ends the process',
    check: (sources) =>
      badLines(
        product(sources).filter((s) => s.path !== 'src/main.ts'),
        /\bprocess\s*(\?\.|\.)\s*(exit\s*\(|abort\b|reallyExit\b)/,
      ),
    bad: [{ 'src/commands/serve.ts': 'process.exit(1);' }],
  },
  {
    name: 'SQL lives in store.ts, views.ts and sql.ts',
    check: (sources) =>
      badImports(
        product(sources).filter((s) => !SQL_FILE.test(s.path)),
        (_, { specifier, file, typeOnly }) =>
          !typeOnly && (specifier === 'kysely' || specifier === 'pg' || file === 'src/platform/db/build.ts'),
      ),
    bad: [
      { 'src/modules/agents/service.ts': "import { sql } from 'kysely';" },
      { 'src/modules/agents/rules.ts': "import { builder } from '../../platform/db/build.ts';" },
      { 'src/platform/jobs/runner.ts': "import pg from 'pg';" },
    ],
  },
  {
    name: 'nothing holds state at the level of a file',
    check: (sources) =>
      badLines(
        product(sources).filter((s) => !(s.path in STATE_ALLOWED)),
        /^(export )?(let|var)\s|^(export )?const \w+(: [^=]+)? = (new (Map|Set|WeakMap|WeakSet)(<.*>)?\(\)|\[\]|\{\})/,
      ),
    bad: [
      { 'src/platform/http/server.ts': 'let server: Server | undefined;' },
      { 'src/modules/agents/service.ts': 'const cache = new Map<string, Agent>();' },
      { 'src/modules/agents/service.ts': 'export const seen: string[] = [];' },
    ],
  },
  {
    name: 'only platform/net goes out to the network',
    check: (sources) => {
      const others = product(sources).filter((s) => !s.path.startsWith('src/platform/net/'));
      return [
        ...badLines(others, /(?<![.#\w])fetch\(|\bglobalThis\.fetch\b|\bhttps?\.(request|get)\(/),
        ...badImports(
          others,
          (_, { specifier, clause, typeOnly }) =>
            !typeOnly &&
            (/^undici(\/|$)/.test(specifier) ||
              (/^(node:)?https?$/.test(specifier) && /\b(request|get|Agent)\b/.test(clause))),
        ),
      ];
    },
    bad: [
      { 'src/modules/models/probe.ts': 'const answer = await fetch(url);' },
      { 'src/modules/models/probe.ts': "import { request } from 'undici';" },
      { 'src/modules/models/probe.ts': "import { request } from 'node:https';" },
    ],
  },
];

const OUTSIDE = /^(test|scripts|bench|examples|console|sdk)\//;

const houses: Rule[] = [
  {
    name: 'the server imports nothing of its tests, tools and clients',
    check: (sources) => badImports(product(sources), (_, { file }) => OUTSIDE.test(file ?? '')),
    bad: [{ 'src/app.ts': "import { world } from '../test/support/world.ts';" }],
  },
  {
    name: 'the console talks to the server only through the SDK',
    check: (sources) =>
      badImports(
        sources.filter((s) => s.path.startsWith('console/') && !isTest(s)),
        (_, { file, specifier }) => (file !== undefined ? !file.startsWith('console/') : specifier === 'parley'),
      ).concat(
        badLines(
          sources.filter((s) => s.path.startsWith('console/') && !isTest(s)),
          /(?<![.#\w])fetch\(|\bnew (EventSource|XMLHttpRequest|WebSocket)\(/,
        ),
      ),
    bad: [
      { 'console/src/main.tsx': "import type { Agent } from '../../src/modules/agents/index.ts';" },
      { 'console/src/main.tsx': "await fetch('/api/v1/agents');" },
    ],
  },
  {
    name: 'the SDK stands alone',
    check: (sources) =>
      badImports(
        sources.filter((s) => s.path.startsWith('sdk/') && !isTest(s)),
        (_, { file, specifier }) => !(file ?? specifier).startsWith('sdk/typescript/src/'),
      ),
    bad: [
      { 'sdk/typescript/src/sse.ts': "import { Readable } from 'node:stream';" },
      { 'sdk/typescript/src/index.ts': "export * from '../../../src/lib/ids.ts';" },
    ],
  },
  {
    name: 'no import goes in a circle',
    check: (sources) => circles(sources.filter((s) => !isTest(s))),
    bad: [
      { 'src/lib/a.ts': "import { b } from './b.ts';", 'src/lib/b.ts': "import { a } from './a.ts';\nexport { a };" },
    ],
  },
  {
    name: `no file is longer than ${FILE_LINES} lines`,
    check: (sources) =>
      sources.filter((s) => s.lines > FILE_LINES).map((s) => `${s.path} has ${s.lines}: it is two rooms`),
    bad: [{ 'src/lib/long.ts': '\n'.repeat(FILE_LINES + 1) }],
  },
];

/** Circles of imports that are there when the program runs; each is told once, from its first file. */
function circles(sources: readonly Source[]): string[] {
  const next = new Map(
    sources.map((s) => [s.path, s.imports.filter((i) => !i.typeOnly && i.file).map((i) => i.file as string)]),
  );
  const done = new Set<string>();
  const found: string[] = [];
  const walk = (file: string, trail: readonly string[]): void => {
    const since = trail.indexOf(file);
    if (since >= 0) found.push([...trail.slice(since), file].map(base).join(' → '));
    if (since >= 0 || done.has(file)) return;
    for (const imported of next.get(file) ?? []) walk(imported, [...trail, file]);
    done.add(file);
  };
  for (const file of next.keys()) walk(file, []);
  return found;
}

export const RULES: readonly Rule[] = [...modules, ...absences, ...houses];
