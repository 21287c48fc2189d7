import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../lib/say.ts';

/** What a process of the run starts with: a test file, or a file that loads several. */
export type Start = { readonly path: string; readonly files: readonly string[] };

/**
 * A process of its own costs a test file up to 1.5 s of processor time until the server is loaded, compiled and warm
 * (measured). So these share one, eight at a time.
 */
const SHARING = /^(src|test\/contract)\//;
/** Unless they touch what belongs to the whole process (its environment, memory, timers), or start programs. */
const ALONE = /\bprocess\.|\bmock\.|node:child_process|node:worker_threads|support\/(program|cluster)\.ts/;
const TOGETHER = 8;
/** What takes long by itself is begun first, the longest before the others: begun last it would leave processors idle. */
const LONG = [
  ...['test/chaos/cluster/cluster', 'test/e2e/stories/console', 'test/e2e/stories/commerce', 'test/chaos/chaos'],
  ...['test/e2e/stories', 'test/e2e', 'src/platform/db/embedded', 'src/platform/jobs/crash', 'src/commands'],
];

const textOf = (file: string): string => readFileSync(path.join(root, file), 'utf8');

/** In which processes, and in which order, test files are run. `folder`: where the files that load several are made. */
export function plan(files: readonly string[], folder: string, read = textOf): Start[] {
  const rank = (file: string) => LONG.findIndex((place) => file.startsWith(place));
  const long = files.filter((file) => rank(file) >= 0).sort((a, b) => rank(a) - rank(b));
  const rest = files.filter((file) => rank(file) < 0);
  const sharing = rest.filter((file) => SHARING.test(file) && !ALONE.test(read(file)));
  const count = Math.ceil(sharing.length / TOGETHER);
  // Dealt out like cards: neighbours are alike, and so the groups become so, too.
  const groups = Array.from({ length: count }, (_, n) =>
    group(
      sharing.filter((_, at) => at % count === n),
      path.join(folder, `group-${n + 1}.mjs`),
    ),
  );
  const alone = rest.filter((file) => !sharing.includes(file)).map(one);
  return [...alternating(long.map(one), groups), ...alone];
}

const one = (file: string): Start => ({ path: path.join(root, file), files: [file] });

function group(files: readonly string[], place: string): Start {
  const loader = pathToFileURL(path.join(import.meta.dirname, 'together.ts')).href;
  writeFileSync(place, `import { together } from '${loader}';\nawait together(${JSON.stringify(files)});\n`);
  return { path: place, files };
}

/** So that not all browsers and clusters are up at the same time. */
const alternating = (these: readonly Start[], those: readonly Start[]): Start[] =>
  Array.from({ length: Math.max(these.length, those.length) }, (_, at) => [these[at], those[at]])
    .flat()
    .filter((start) => start !== undefined);
