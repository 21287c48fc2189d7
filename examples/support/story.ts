/** What the examples share: a server of their own, and a discussion told as a transcript while it happens. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Agent, type Discussion, type Message, Parley, type Turn } from '@parley/sdk';
import { ExampleServer } from './server.ts';

export const print = (text: string): void => void process.stdout.write(text);
const styled = (code: number, text: string): string => (process.stdout.isTTY ? `\x1b[${code}m${text}\x1b[0m` : text);
export const dim = (text: string): string => styled(2, text);
export const bold = (text: string): string => styled(1, text);

/** A language model on two slow cores may take a minute for what the rehearsal does in a second. */
const PATIENCE_MS = 10 * 60_000;
/** So that a story is short with any model. */
const PARAMETERS = { max_tokens: 160 };
/**
 * A small language model says nothing at all now and then, and one on this machine may be stopped: a turn fails, and the
 * discussion stands. It is resumed after 1, 2, 4 … 32 s, by when Parley has looked again which models this machine has.
 */
const RESUMES = 6;

/** Starts a server of its own, signs in, tells the story, and leaves nothing behind. */
export async function story(tell: (parley: Parley) => Promise<void>): Promise<void> {
  await using server = await ExampleServer.create();
  print('Starting a server … ');
  const { url, email, password } = await server.start();
  const parley = new Parley({ baseUrl: `${url}/api/v1`, session: 'memory' });
  await parley.auth.signIn({ email, password });
  const { effective } = await parley.models.getDefault();
  const who =
    effective === 'rehearsal' ? 'The speakers rehearse: they speak by rule, without a language model.' : effective;
  print(`${url}\n${dim(who)}\n`);
  await tell(parley);
}

/** Makes agents of these names and instructions, each with the model that is there. */
export async function cast<Name extends string>(
  parley: Parley,
  roles: Readonly<Record<Name, string>>,
): Promise<Record<Name, Agent>> {
  const made: Partial<Record<Name, Agent>> = {};
  for (const [name, instructions] of Object.entries(roles) as [Name, string][]) {
    made[name] = await parley.agents.create({ name, instructions, parameters: PARAMETERS });
  }
  return made as Record<Name, Agent>;
}

/** What became of a discussion. */
export type Told = { discussion: Discussion; messages: Message[]; turns: Turn[] };
type Cue = {
  /** A person has the turn: what they say. */
  answer?(message: Message | undefined): string;
  /** After each message. */
  heard?(message: Message): Promise<void>;
};

/** Follows a discussion to its end, prints who speaks, why, and what, and answers what was kept of it. */
export async function watch(parley: Parley, { id, topic, cursor }: Discussion, cue: Cue = {}): Promise<Told> {
  print(`\n${bold(topic)}\n`);
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const messages: Message[] = [];
  let resumes = 0;
  const snapshot = { ...(await parley.discussions.get(id)), cursor };
  for await (const part of parley.discussions.transcript(snapshot, { signal })) {
    if (part.type === 'turn') {
      print(`\n\n${bold(part.name)} ${dim(`turn ${part.turn} · ${part.reason}`)}\n`);
      const content = part.kind === 'user' ? cue.answer?.(messages.at(-1)) : undefined;
      if (content !== undefined) await parley.discussions.post(id, { content });
    } else if (part.type === 'text') print(part.delta);
    else if (part.type === 'message') {
      const { message } = part;
      messages.push(message);
      if (message.turn === null) print(`\n\n${bold(message.author.name)} ${dim('in between')}\n${message.content}`);
      await cue.heard?.(message);
    } else if (part.type === 'ended') print(`\n\n${dim(`The discussion is over: ${part.reason}.`)}\n`);
    else if (part.type === 'paused') {
      if (resumes === RESUMES) throw new Error(`The discussion stands, however often it is resumed: ${part.reason}.`);
      print(`\n${dim(`The discussion stands (${part.reason}); it is resumed.`)}\n`);
      await delay(1_000 * 2 ** resumes++);
      await parley.discussions.resume(id);
    } else if (part.type === 'failed') print(`\n${dim(`The turn of ${part.name} failed: ${part.code}.`)}\n`);
    else if (part.type !== 'resumed') print(`\n${dim(JSON.stringify(part))}\n`);
  }
  signal.throwIfAborted();
  const turns = await parley.discussions.turns(id).toArray();
  return { discussion: await parley.discussions.get(id), messages, turns };
}
