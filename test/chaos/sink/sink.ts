import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Answer, Ledger, Listening, Question } from './ledger.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
type Asked = Question extends infer Q ? (Q extends Question ? Omit<Q, 'number'> : never) : never;

/** The run's end of the effect sink: see `main.ts`. */
export class EffectSink implements AsyncDisposable {
  /** The settings under which an installation pays there, and may send webhooks there. */
  readonly env: Readonly<Record<string, string>>;
  readonly #hooksUrl: string;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #asked = 0;

  private constructor(child: ChildProcess, { payment, hooksUrl }: Listening) {
    this.env = { ...payment, OUTBOUND_ALLOW: '127.0.0.1' };
    this.#hooksUrl = hooksUrl;
    this.#child = child;
    child.on('message', (answer: Answer) => {
      this.#waiting.get(answer.number)?.(answer);
      this.#waiting.delete(answer.number);
    });
  }

  static async start(seed: number): Promise<EffectSink> {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, `${seed}`], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const [listening] = (await once(child, 'message')) as [Listening];
    return new EffectSink(child, listening);
  }

  urlOf(hook: string): string {
    return `${this.#hooksUrl}/${hook}`;
  }

  /** What comes to this hook is signed with this secret. */
  async expect(hook: string, secret: string): Promise<void> {
    await this.#ask({ ask: 'expect', hook, secret });
  }

  /** From now on it does what it is asked for. */
  async calm(): Promise<void> {
    await this.#ask({ ask: 'calm' });
  }

  async ledger(): Promise<Ledger> {
    return (await this.#ask({ ask: 'ledger' })).ledger as Ledger;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }

  #ask(asked: Asked): Promise<Answer> {
    this.#asked += 1;
    const number = this.#asked;
    return new Promise((resolve) => {
      this.#waiting.set(number, resolve);
      this.#child.send({ number, ...asked });
    });
  }
}
