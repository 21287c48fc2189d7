import { readdirSync, readFileSync } from 'node:fs';

const EVERY_MS = 150;
/** Most pauses are short. A process that is silent for two seconds has lost what it held, and rightly so. */
const MAX_MS = 900;

type Row = { readonly pid: number; readonly parent: number; readonly state: string };

/**
 * Stops processes that this one has started, servers and browsers included, one after another for a moment, as a starved
 * machine does. Returns what ends it. Needs Linux's `/proc`.
 */
export function pauses(): () => void {
  const paused = new Set<number>();
  const resume = (pid: number) => {
    paused.delete(pid);
    signal(pid, 'SIGCONT');
  };
  const timer = setInterval(() => {
    const them = descendants(process.pid);
    const pid = them[Math.floor(Math.random() * them.length)];
    if (pid === undefined || !signal(pid, 'SIGSTOP')) return;
    paused.add(pid);
    setTimeout(resume, Math.random() ** 2 * MAX_MS, pid);
  }, EVERY_MS);
  return () => {
    clearInterval(timer);
    for (const pid of paused) resume(pid);
  };
}

/** Those that run: what a test has stopped itself stays as it is. */
function descendants(of: number): number[] {
  const rows = readdirSync('/proc').flatMap((name) => rowOf(name) ?? []);
  const parents = new Map(rows.map(({ pid, parent }) => [pid, parent]));
  const isOurs = (pid: number): boolean => {
    for (let at = parents.get(pid) ?? 0; at > 0; at = parents.get(at) ?? 0) if (at === of) return true;
    return false;
  };
  return rows.filter(({ pid, state }) => !'TtZ'.includes(state) && isOurs(pid)).map(({ pid }) => pid);
}

/** `pid (name) state parent …`; undefined for one that has ended meanwhile. */
function rowOf(name: string): Row | undefined {
  if (!/^\d+$/.test(name)) return undefined;
  try {
    const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
    const [state = '', parent = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { pid: Number(name), parent: Number(parent), state };
  } catch {
    return undefined;
  }
}

function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
