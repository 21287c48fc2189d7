/** What the picture shows of a side of the kill table. */
export type Killed = {
  readonly version: string;
  readonly settings: string;
  readonly not_done: number;
  readonly doubled: number;
  readonly back: { readonly p50Ms: number; readonly p95Ms: number } | null;
};

export type Setting = { readonly kills: number; readonly jobs: number; readonly patience_s: number };

export type Sides = Readonly<Record<string, Killed>>;

const NAMES: Readonly<Record<string, string>> = { parley: 'Parley', bullmq: 'BullMQ' };
const [WIDTH, ROW, TOP] = [760, 46, 92];
const [LEFT, RIGHT] = [200, 530];
const [LOST, TWICE] = [606, 704];

/**
 * The kill table as a picture. Its colours follow the reader's preference, as far as a picture in a page may ask for it;
 * words and numbers say everything that colours do.
 */
export function killPicture(sides: Sides, { kills, jobs, patience_s: patienceS }: Setting): string {
  const rows = Object.entries(sides);
  const longest = Math.max(...rows.map(([, { back }]) => back?.p95Ms ?? 0)) / 1_000;
  const step = longest > 12 ? 5 : 2;
  const last = Math.ceil(longest / step) * step;
  const at = (seconds: number) => Math.round(LEFT + ((RIGHT - LEFT) * seconds) / last);
  const height = TOP + rows.length * ROW + 34;
  const bottom = TOP + rows.length * ROW;
  const ticks = Array.from({ length: last / step + 1 }, (_, i) => i * step);
  const told = rows.map(([name, side]) => `${nameOf(name)}: ${inWords(side, patienceS)}`).join(' ');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title told">
<title id="title">${kills} kills, ${jobs} jobs: what became of them</title>
<desc id="told">${told}</desc>
<style>
  svg { color-scheme: light dark; font: 14px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
  text { fill: #1f2328; } .quiet { fill: #59636e; font-size: 12px; } .strong { font-weight: 600; }
  .grid { stroke: #d1d9e0; } .bar { fill: #9ab8dd; } .ours { fill: #1f6feb; } .bad { fill: #b3261e; font-weight: 600; }
  .ground { fill: #ffffff; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; } .quiet { fill: #9198a1; } .grid { stroke: #3d444d; } .bar { fill: #466a96; }
    .ours { fill: #58a6ff; } .bad { fill: #ff8178; } .ground { fill: #0d1117; }
  }
</style>
<rect class="ground" width="${WIDTH}" height="${height}" rx="8"/>
<text class="strong" x="${LEFT}" y="34">An interrupted job begins again after</text>
<text class="quiet" x="${LEFT}" y="54">line: the middle one; end of the bar: 19 of 20</text>
<text class="strong" x="${LOST}" y="34" text-anchor="middle">Not done</text>
<text class="strong" x="${TWICE}" y="34" text-anchor="middle">Done twice</text>
<text class="quiet" x="${LOST}" y="54" text-anchor="middle">of ${jobs}</text>
<text class="quiet" x="${TWICE}" y="54" text-anchor="middle">of ${jobs}</text>
${ticks.map((s) => `<line class="grid" x1="${at(s)}" x2="${at(s)}" y1="${TOP - 14}" y2="${bottom}"/><text class="quiet" x="${at(s)}" y="${bottom + 20}" text-anchor="middle">${s} s</text>`).join('\n')}
${rows.map(([name, side], i) => row(name, side, { y: TOP + i * ROW, at, patienceS })).join('\n')}
</svg>
`;
}

/** The same in words, for the page that the picture is in: between its two marks. */
export function withKillTable(
  page: string,
  sides: Sides,
  { patience_s, ...setting }: Setting & { load: string },
): string {
  const rows = Object.entries(sides).map(([name, side]) => {
    const { back, settings, version, not_done, doubled } = side;
    const again = back ? `${seconds(back.p50Ms)} / ${seconds(back.p95Ms)} s` : `not within ${patience_s} s`;
    return `| ${nameOf(name)} ${version} | ${not_done} | ${doubled} | ${again} | ${settings} |`;
  });
  const told = Object.entries(sides).map(([name, side]) => `${nameOf(name)}: ${inWords(side, patience_s)}`);
  const table = `![Of ${setting.jobs} jobs, ${setting.kills} kills. ${told.join(' ')}](images/kills.svg)

| | not done | done twice | an interrupted job begins again, p50 / p95 | set up for it |
|---|---|---|---|---|
${rows.join('\n')}

Load of the machine before the run: ${setting.load}.`;
  return page.replace(/(<!-- measured -->\n)[\s\S]*(<!-- \/measured -->)/, (_, from, to) => `${from}${table}\n${to}`);
}

const nameOf = (name: string) => NAMES[name] ?? name;
const seconds = (ms: number) => (ms / 1_000).toFixed(1);

const inWords = ({ not_done, doubled, back }: Killed, patienceS: number) =>
  `${not_done} not done, ${doubled} done twice, ${back ? `an interrupted job begins again after ${seconds(back.p50Ms)} s (middle) and ${seconds(back.p95Ms)} s (95 %)` : `an interrupted job did not begin again within ${patienceS} s`}.`;

type Place = { readonly y: number; readonly at: (seconds: number) => number; readonly patienceS: number };

function row(name: string, side: Killed, { y, at, patienceS }: Place): string {
  const middle = y + 17;
  const count = (x: number, value: number) =>
    `<text x="${x}" y="${middle + 5}" text-anchor="middle"${value > 0 ? ' class="bad"' : ''}>${value}</text>`;
  const bar = side.back
    ? `<rect class="${name === 'parley' ? 'ours' : 'bar'}" x="${LEFT}" y="${y + 6}" width="${at(side.back.p95Ms / 1_000) - LEFT}" height="22" rx="3"/><rect class="ground" x="${at(side.back.p50Ms / 1_000) - 1}" y="${y + 6}" width="2" height="22"/><text class="quiet" x="${at(side.back.p95Ms / 1_000) + 8}" y="${middle + 5}">${seconds(side.back.p50Ms)} / ${seconds(side.back.p95Ms)} s</text>`
    : `<text class="bad" x="${LEFT + 8}" y="${middle + 5}">not within ${patienceS} s</text>`;
  const version = name === 'parley' ? '' : ` <tspan class="quiet">${side.version}</tspan>`;
  return `<text x="24" y="${middle + 5}"${name === 'parley' ? ' class="strong"' : ''}>${nameOf(name)}${version}</text>${bar}${count(LOST, side.not_done)}${count(TWICE, side.doubled)}`;
}
