/**
 * Loaded into a process before its own code (`--import`), and nowhere else: lets the process die, as of `kill -9`, at a
 * named step of its work, or stop there as of `-STOP`. The product knows nothing of it; steps are known by what goes to
 * PostgreSQL and Redis and comes back. The parent arms a step over the process's line (`Arming`); `{}` disarms it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import pg from 'pg';
import { boundaryOf } from './boundaries.ts';

type Asked = {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly rows: number;
  readonly fresh?: boolean;
};
type Answer = { readonly rowCount?: number | null; readonly rows?: readonly { readonly fresh?: unknown }[] };
type Callable = (this: unknown, ...args: unknown[]) => unknown;

export type Arming = {
  readonly step?: string;
  readonly signal?: 'SIGKILL' | 'SIGSTOP';
  /** Only where all of these are among the statement's values. */
  readonly of?: readonly string[];
};

const FLUSHED_MS = 50;

let armed: ReturnType<typeof boundaryOf>;
let arming: Arming = {};
/** What each connection's transaction has asked for until now. */
const transactions = new WeakMap<object, string[]>();

process.on('message', (told: Arming) => {
  arming = told;
  armed = told.step === undefined ? undefined : boundaryOf(told.step);
});
// Whoever is nobody's child any more must not go on for ever.
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
process.channel?.unref();

/** Once: whoever goes on after a stop is armed no more. */
function die(): void {
  armed = undefined;
  process.send?.({ reached: true });
  process.kill(process.pid, arming.signal ?? 'SIGKILL');
}
const isAt = (side: 'before' | 'after', asked: Asked, client: object): boolean => {
  if (armed?.side !== side || armed.where !== 'postgres') return false;
  if (armed.rows && side === 'after' && asked.rows === 0) return false;
  if (armed.fresh && asked.fresh !== true) return false;
  if (arming.of?.some((value) => !asked.values.includes(value))) return false;
  if (armed.atCommit !== true) return armed.pattern.test(asked.text);
  return asked.text === 'commit' && (transactions.get(client) ?? []).some((text) => armed?.pattern.test(text));
};

/** What was asked for before goes out in the same breath otherwise: it has to be with the database when everything stops. */
async function stand(goOn: () => unknown): Promise<unknown> {
  armed = undefined;
  await delay(FLUSHED_MS);
  die();
  return goOn();
}

const query = pg.Client.prototype.query as unknown as Callable;
pg.Client.prototype.query = function (this: object, ...args: unknown[]) {
  const { text, values } = askedOf(args);
  if (isAt('before', { text, values, rows: 0 }, this)) {
    if (arming.signal === 'SIGSTOP') return stand(() => query.apply(this, args));
    die();
  }
  if (/^begin\b/.test(text)) transactions.set(this, []);
  else transactions.get(this)?.push(text);
  const answer = query.apply(this, args);
  if (answer instanceof Promise)
    answer.then(
      ({ rowCount, rows = [] }: Answer) => {
        if (isAt('after', { text, values, rows: rowCount ?? 0, fresh: rows[0]?.fresh === true }, this)) die();
      },
      () => {},
    );
  return answer;
} as typeof pg.Client.prototype.query;

const sendCommand = Redis.prototype.sendCommand as unknown as Callable;
Redis.prototype.sendCommand = function (this: object, ...args: unknown[]) {
  const command = args[0] as { name: string; promise: Promise<unknown> };
  const fits = () => armed?.where === 'redis' && armed.pattern.test(command.name);
  if (armed?.side === 'before' && fits()) die();
  const answer = sendCommand.apply(this, args);
  command.promise.then(
    () => {
      if (armed?.side === 'after' && fits()) die();
    },
    () => {},
  );
  return answer;
} as typeof Redis.prototype.sendCommand;

function askedOf([config, values]: readonly unknown[]): Pick<Asked, 'text' | 'values'> {
  const asked: Partial<Asked> = typeof config === 'object' && config !== null ? config : { text: String(config) };
  return { text: asked.text ?? '', values: asked.values ?? (Array.isArray(values) ? values : []) };
}
