/** Work that recurs, once per tick across all processes (a lease a name). */
export type Schedule = {
  readonly name: string;
  readonly everyMs: number;
  run(signal: AbortSignal): Promise<void>;
};
