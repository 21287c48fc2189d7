type Field = {
  type?: string;
  format?: string;
  enum?: unknown[];
  const?: unknown;
  anyOf?: Field[];
  description?: string;
};

/** A file of contracts/events. */
type EventSchema = {
  readonly title: string;
  readonly description: string;
  readonly 'x-topic': string;
  readonly 'x-version': number;
  readonly properties?: Readonly<Record<string, Field>>;
};

/** `contracts` are the files, by path, with their texts. */
export function eventsPage(contracts: ReadonlyMap<string, string>): string {
  const sections = [...contracts].map(([file, text]) => {
    const schema: EventSchema = JSON.parse(text);
    const facts = `Version ${schema['x-version']}, topic \`${schema['x-topic']}\`, [schema](../../${file}).`;
    return `## ${schema.title}\n\n${schema.description} ${facts}\n\n${fields(schema)}`;
  });
  return `<!-- Made by \`make gen\` from contracts/events. -->
# Event types

The data of each type; [the guide](../guides/events.md) tells about the envelope around it.

${sections.join('\n\n')}
`;
}

function fields({ properties = {} }: EventSchema): string {
  const lines = Object.entries(properties).map(
    ([name, field]) => `| \`${name}\` | ${shape(field)} | ${field.description ?? ''} |`,
  );
  return ['| field | type | |', '|---|---|---|', ...lines].join('\n');
}

function shape(field: Field): string {
  if (field.anyOf) return field.anyOf.map(shape).join(' or ');
  if (field.enum) return field.enum.map((value) => `\`${value}\``).join(', ');
  if (field.const !== undefined) return `\`${field.const}\``;
  return field.format ?? field.type ?? 'any';
}
