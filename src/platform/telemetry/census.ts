import type { Metrics } from './metrics.ts';

type Census = {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  /** Asks the database, at most once in 30 s however often the metrics are read. Values of labels must be few. */
  read(): Promise<readonly { readonly labels: readonly string[]; readonly value: number }[]>;
};

const KEPT_MS = 30_000;

/**
 * A gauge of what is in the whole database: every process that is asked tells the same, so take the largest, not the
 * sum. While the database is away the last answer stands.
 */
export function takeCensus(metrics: Metrics, { name, help, labels, read }: Census): void {
  let readAtMs = Number.NEGATIVE_INFINITY;
  metrics.gauge({
    name,
    help: `${help} In the whole database, asked at most twice a minute.`,
    labels: [...labels],
    async collect(gauge) {
      if (performance.now() - readAtMs < KEPT_MS) return;
      const rows = await read().catch(() => undefined);
      if (rows === undefined) return;
      readAtMs = performance.now();
      gauge.reset();
      for (const { labels: values, value } of rows) gauge.labels(...values).set(value);
    },
  });
}
