import { type Static, type TSchema, Type } from 'typebox';
import { AppError } from '../../http/errors.ts';
import { strict } from '../../http/input/schemas.ts';
import { parseJson } from '../../http/input/text.ts';
import { type Validate, Validators, validationFailed } from '../../http/validation.ts';

const Id = Type.Optional(
  Type.String({ minLength: 1, maxLength: 100, description: 'Comes back with what answers this message.' }),
);
const Channel = Type.String({ minLength: 1, maxLength: 200, description: '`discussions/{id}`, say, or `*`.' });

const SCHEMAS = {
  auth: Type.Object({
    type: Type.Literal('auth'),
    id: Id,
    token: Type.String({ minLength: 1, maxLength: 8_192, description: 'An access token or an API key.' }),
  }),
  subscribe: Type.Object({
    type: Type.Literal('subscribe'),
    id: Id,
    channel: Channel,
    cursor: Type.Optional(
      Type.String({ minLength: 1, maxLength: 128, description: 'Events after this; absent: from now on.' }),
    ),
    types: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 100 }), {
        minItems: 1,
        maxItems: 100,
        description: 'Only events, and live frames, of these types.',
      }),
    ),
  }),
  unsubscribe: Type.Object({ type: Type.Literal('unsubscribe'), id: Id, channel: Channel }),
  ping: Type.Object({ type: Type.Literal('ping'), id: Id }),
} satisfies Record<string, TSchema>;

type Messages = { [T in keyof typeof SCHEMAS]: Static<(typeof SCHEMAS)[T]> };

/** What a client may say. */
export type ClientMessage = Messages[keyof Messages];
export type MessageType = keyof Messages;
export const MESSAGE_TYPES = Object.keys(SCHEMAS) as readonly MessageType[];

/** What of a message goes into the error that answers it: what it was about, as far as that can be known. */
export type About = { readonly id?: string; readonly channel?: string };

/** Reads messages: JSON in text frames, no field that is not known. Each schema is compiled when it is first needed. */
export function createReader(): (data: Buffer, isBinary: boolean) => ClientMessage {
  const validators = new Validators();
  const validate = new Map<string, Validate>(
    MESSAGE_TYPES.map((type) => [type, validators.compile(strict(SCHEMAS[type]), 'body')]),
  );
  return (data, isBinary) => {
    if (isBinary) throw new BadMessage({}, new AppError('invalid_json', { message: 'Send JSON in text frames.' }));
    let value: unknown;
    try {
      value = parseJson(data);
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        throw validationFailed([{ in: 'body', field: '', rule: 'type', message: 'must be object' }]);
      const check = validate.get(String((value as { type?: unknown }).type));
      if (check === undefined) throw unknownType();
      check(value);
      return value as ClientMessage;
    } catch (error) {
      throw new BadMessage(aboutOf(value), error);
    }
  };
}

/** A message that cannot be understood, with what can be told of it. */
export class BadMessage extends Error {
  readonly about: About;
  constructor(about: About, cause: unknown) {
    super('A message cannot be understood', { cause });
    this.about = about;
  }
}

function unknownType(): AppError {
  const message = `must be one of ${MESSAGE_TYPES.join(', ')}`;
  return validationFailed([{ in: 'body', field: 'type', rule: 'enum', message }]);
}

/** Only what could have been right comes back: nobody's own text is echoed to them at length. */
function aboutOf(value: unknown): About {
  const { id, channel } = (value ?? {}) as { id?: unknown; channel?: unknown };
  return {
    ...(typeof id === 'string' && id.length <= 100 && { id }),
    ...(typeof channel === 'string' && channel.length <= 200 && { channel }),
  };
}
