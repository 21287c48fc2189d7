import { createApp } from '../../src/app.ts';
import { parseConfig } from '../../src/platform/config/config.ts';
import type { EventType } from '../../src/platform/events/define.ts';
import { silentLog } from '../../src/platform/telemetry/log.ts';

/** Every version of every event type that the modules announce, by name. The application is composed, not started. */
export async function eventTypes(): Promise<EventType[]> {
  const { config } = parseConfig({}, { folder: '/', version: '0.0.0' });
  const app = await createApp({ ...config, masterKey: Buffer.alloc(32) }, { log: silentLog });
  try {
    const declared = Object.values(app).flatMap((part) =>
      typeof part === 'object' && part !== null && 'events' in part && Array.isArray(part.events)
        ? (part.events as EventType[])
        : [],
    );
    return declared.sort((a, b) => a.type.localeCompare(b.type) || a.version - b.version);
  } finally {
    await app.stop(1000);
  }
}

export const eventFile = ({ type, version }: EventType): string => `contracts/events/${type}_v${version}.json`;

/** What outsiders rely on: the JSON Schema of an event's data, with an example inside. */
export function eventContract({ type, version, topic, description, schema, example }: EventType): string {
  const document = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `urn:parley:event:${type}:${version}`,
    title: type,
    description,
    'x-topic': topic,
    'x-version': version,
    ...schema,
    examples: [example],
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

export function eventsPage(types: readonly EventType[]): string {
  const sections = types.map(
    ({ type, version, topic, description, schema }) =>
      `## ${type}\n\n${description} Version ${version}, topic \`${topic}\`, [schema](../../${eventFile({ type, version } as EventType)}).\n\n${fields(schema)}`,
  );
  return `<!-- Made by \`make gen\` from the modules' events.ts. -->
# Event types

The data of each type; [the guide](../guides/events.md) tells about the envelope around it.

${sections.join('\n\n')}
`;
}

type Shown = {
  type?: string;
  format?: string;
  enum?: unknown[];
  const?: unknown;
  anyOf?: Shown[];
  description?: string;
};

function fields(schema: object): string {
  const { properties = {} } = schema as { properties?: Record<string, Shown> };
  const lines = Object.entries(properties).map(
    ([name, field]) => `| \`${name}\` | ${shape(field)} | ${field.description ?? ''} |`,
  );
  return ['| field | type | |', '|---|---|---|', ...lines].join('\n');
}

function shape(field: Shown): string {
  if (field.anyOf) return field.anyOf.map(shape).join(' or ');
  if (field.enum) return field.enum.map((value) => `\`${value}\``).join(', ');
  if (field.const !== undefined) return `\`${field.const}\``;
  return field.format ?? field.type ?? 'any';
}
