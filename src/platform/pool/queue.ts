import type { TaskQueue } from 'piscina';
import type { Priority } from '../jobs/define.ts';

type Task = Parameters<TaskQueue['push']>[0];

const ORDER: readonly Priority[] = ['interactive', 'normal', 'batch'];

/** What waits for a thread: by priority, and within one in the order in which it came. The pool bounds its length. */
export class PriorityQueue implements TaskQueue {
  readonly #key: symbol;
  readonly #waiting: Readonly<Record<Priority, Task[]>> = { interactive: [], normal: [], batch: [] };

  /** `key` is where Piscina keeps a task's options for its queue. */
  constructor(key: symbol) {
    this.#key = key;
  }

  get size(): number {
    return ORDER.reduce((sum, priority) => sum + this.#waiting[priority].length, 0);
  }

  shift(): Task | null {
    for (const priority of ORDER) {
      const task = this.#waiting[priority].shift();
      if (task) return task;
    }
    return null;
  }

  push(task: Task): void {
    this.#of(task).push(task);
  }

  unshift(task: Task): void {
    this.#of(task).unshift(task);
  }

  remove(task: Task): void {
    const list = this.#of(task);
    const at = list.indexOf(task);
    if (at >= 0) list.splice(at, 1);
  }

  #of(task: Task): Task[] {
    const options = (task as unknown as Record<symbol, { priority?: Priority } | null | undefined>)[this.#key];
    return this.#waiting[options?.priority ?? 'normal'];
  }
}
