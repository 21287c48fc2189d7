import type { EventType, LogEvent } from './define.ts';

/** What a row of the log holds. */
export type EventRow = {
  readonly shard: number;
  readonly position: number;
  readonly tenant_id: string;
  readonly id: string;
  readonly type: string;
  readonly dataversion: number;
  readonly stream: string;
  readonly subject: string;
  readonly data: unknown;
  readonly time: Date;
  readonly traceparent: string | null;
};

type Versioned = Pick<EventRow, 'type' | 'dataversion' | 'data'>;

/** Knows every event type, and brings what was written by older releases up to its newest version. */
export interface EventTypes {
  register(types: readonly EventType[]): void;
  /** Every version of every type. */
  all(): EventType[];
  /** A row as an event. Data of an unknown type, or of a newer version than this release knows, stays as it is. */
  read(row: EventRow, epoch: string): LogEvent;
  /** The same for an event that was kept as a whole (a dead letter's). */
  upgrade(event: LogEvent): LogEvent;
}

export function createEventTypes(): EventTypes {
  const versions = new Map<string, Map<number, EventType>>();
  const newest = new Map<string, EventType>();

  function register(type: EventType): void {
    const known = versions.get(type.type) ?? new Map<number, EventType>();
    if (known.has(type.version)) throw new Error(`Event ${type.type} version ${type.version} is declared twice`);
    if (type.version > 1 && type.upcast === undefined)
      throw new Error(`Event ${type.type} version ${type.version} needs an upcast from the version before`);
    versions.set(type.type, known.set(type.version, type));
    if ((newest.get(type.type)?.version ?? 0) < type.version) newest.set(type.type, type);
  }

  /**
   * What cannot be brought up stays as it is: one event that an upcast did not think of must not stop its whole shard.
   * The consumer that it means nothing to puts it aside.
   */
  function upcast({ type, dataversion, data: kept }: Versioned): Omit<Versioned, 'type'> {
    const target = newest.get(type)?.version ?? dataversion;
    let data = kept;
    try {
      for (let version = dataversion + 1; version <= target; version++) {
        const step = versions.get(type)?.get(version)?.upcast;
        if (step === undefined) return { data: kept, dataversion };
        data = step(data);
      }
    } catch {
      return { data: kept, dataversion };
    }
    return { data, dataversion: Math.max(target, dataversion) };
  }

  return {
    register: (types) => types.forEach(register),
    all: () => [...versions.values()].flatMap((ofType) => [...ofType.values()]),
    upgrade: (event) => ({ ...event, ...upcast(event) }),
    read: (row, epoch) => ({
      specversion: '1.0',
      id: row.id,
      source: 'parley',
      type: row.type,
      time: row.time.toISOString(),
      subject: row.subject,
      datacontenttype: 'application/json',
      ...upcast(row),
      tenantid: row.tenant_id,
      stream: row.stream,
      position: row.position,
      epoch,
      ...(row.traceparent !== null && { traceparent: row.traceparent }),
    }),
  };
}
