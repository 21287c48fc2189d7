/**
 * Counters and histograms for prom-client's registry, which asks for `get`. Its own make a text of the labels at each
 * value, also where their child is kept: together 2.5 µs a request. These add to a number.
 */

type Description = { readonly name: string; readonly help: string; readonly labels: readonly string[] };
type Sample = {
  readonly metricName?: string;
  readonly labels: Record<string, string | number>;
  readonly value: number;
};

/** The children of one metric, by the values of its labels. One without labels has one child from the beginning. */
class Children<C> {
  readonly #name: string;
  readonly #labels: readonly string[];
  readonly #make: () => C;
  readonly #children = new Map<string, { readonly labels: Record<string, string>; readonly child: C }>();

  constructor({ name, labels }: Description, make: () => C) {
    this.#name = name;
    this.#labels = labels;
    this.#make = make;
    if (labels.length === 0) this.of([]);
  }

  of(values: readonly string[]): C {
    if (values.length !== this.#labels.length)
      throw new Error(`${this.#name} has the labels ${this.#labels.join(', ')}, not ${values.length} values`);
    const key = values.length === 1 ? (values[0] as string) : values.join('\0');
    let found = this.#children.get(key);
    if (found === undefined) {
      const labels = Object.fromEntries(this.#labels.map((label, n) => [label, String(values[n])]));
      found = { labels, child: this.#make() };
      this.#children.set(key, found);
    }
    return found.child;
  }

  samples(samplesOf: (child: C, labels: Record<string, string>) => readonly Sample[]): Sample[] {
    return [...this.#children.values()].flatMap(({ child, labels }) => samplesOf(child, labels));
  }
}

export class Count {
  value = 0;
  /** A child that was made and never counted is not told. */
  counted = false;

  inc(by = 1): void {
    if (!(by >= 0)) throw new RangeError('A counter only grows');
    this.counted = true;
    this.value += by;
  }
}

export class TalliedCounter {
  readonly type = 'counter';
  readonly name: string;
  readonly help: string;
  readonly #children: Children<Count>;
  readonly #total: (() => number) | undefined;
  readonly #plain: boolean;

  /** With `total`, its value is asked for when the metrics are read. */
  constructor(description: Description & { readonly total?: (() => number) | undefined }) {
    this.name = description.name;
    this.help = description.help;
    this.#total = description.total;
    this.#plain = description.labels.length === 0;
    this.#children = new Children(description, () => new Count());
  }

  labels(...values: readonly string[]): Count {
    return this.#children.of(values);
  }

  /** Of a counter without labels. */
  inc(by = 1): void {
    this.#children.of([]).inc(by);
  }

  get() {
    const values = this.#children.samples(({ value, counted }, labels) =>
      counted || this.#plain ? [{ labels, value: this.#total?.() ?? value }] : [],
    );
    return { name: this.name, help: this.help, type: this.type, aggregator: 'sum', values };
  }
}

export class Observations {
  sum = 0;
  count = 0;
  /** How many were at most each bound, and above the one before. */
  readonly counts: Float64Array;
  readonly #bounds: readonly number[];

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = new Float64Array(bounds.length);
  }

  observe(value: number): void {
    this.sum += value;
    this.count += 1;
    const bounds = this.#bounds;
    for (let at = 0; at < bounds.length; at += 1) {
      if (value > (bounds[at] as number)) continue;
      this.counts[at] = (this.counts[at] as number) + 1;
      return;
    }
  }
}

export class TalliedHistogram {
  readonly type = 'histogram';
  readonly name: string;
  readonly help: string;
  readonly #bounds: readonly number[];
  readonly #children: Children<Observations>;
  readonly #plain: boolean;

  constructor(description: Description & { readonly buckets: readonly number[] }) {
    this.name = description.name;
    this.help = description.help;
    this.#bounds = [...description.buckets];
    this.#plain = description.labels.length === 0;
    this.#children = new Children(description, () => new Observations(this.#bounds));
  }

  labels(...values: readonly string[]): Observations {
    return this.#children.of(values);
  }

  /** Of a histogram without labels. */
  observe(value: number): void {
    this.#children.of([]).observe(value);
  }

  get() {
    const { name } = this;
    const values = this.#children.samples((seen, labels) => {
      if (seen.count === 0 && !this.#plain) return [];
      let below = 0;
      const buckets = this.#bounds.map((le, n) => {
        below += seen.counts[n] as number;
        return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: below };
      });
      return [
        ...buckets,
        { metricName: `${name}_bucket`, labels: { le: '+Inf', ...labels }, value: seen.count },
        { metricName: `${name}_sum`, labels, value: seen.sum },
        { metricName: `${name}_count`, labels, value: seen.count },
      ];
    });
    return { name, help: this.help, type: this.type, aggregator: 'sum', values };
  }
}
