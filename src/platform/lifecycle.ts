/** Something that runs. `stop` may be called twice, and before `start` has finished; it resolves within `deadlineMs`. */
export interface Service {
  readonly name: string;
  start(): Promise<void>;
  stop(deadlineMs: number): Promise<void>;
}
