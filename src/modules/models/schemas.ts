import { type Static, type TSchema, Type } from 'typebox';

const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const name = Type.String({
  pattern: '^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$',
  description: '`openai`, `anthropic`, `google`, or a name of your own: the part of a model’s id before the slash.',
});
const kind = Type.Union([
  Type.Literal('openai'),
  Type.Literal('anthropic'),
  Type.Literal('google'),
  Type.Literal('openai_compatible'),
]);

export const ProviderParams = Type.Object({ name });

/** A provider as it is shown: of its key only the last four characters. */
export const Provider = Type.Object(
  {
    name: Type.String(),
    kind,
    base_url: Type.String({ description: 'Where it answers, version included.' }),
    source: Type.Union([Type.Literal('tenant'), Type.Literal('operator'), Type.Literal('local')], {
      description: '`tenant`: set here. `operator`: set by whoever runs the server. `local`: found on the machine.',
    }),
    api_key_set: Type.Boolean(),
    api_key_last4: nullable(Type.String({ description: 'Null where no key is set, or the operator set it.' })),
    updated_at: nullable(Type.String({ format: 'date-time' })),
  },
  { title: 'Provider' },
);
export type Provider = Static<typeof Provider>;
export const ProviderList = Type.Object({ items: Type.Array(Provider) });

export const PutProvider = Type.Object(
  {
    kind: Type.Optional(kind),
    api_key: Type.Optional(
      nullable(
        Type.String({
          minLength: 5,
          maxLength: 512,
          pattern: '^[\\x21-\\x7e]+$',
          description: 'Kept sealed and never shown again. Absent: the one that is set stays; null: none.',
        }),
      ),
    ),
    base_url: Type.Optional(
      nullable(
        Type.String({
          format: 'uri',
          maxLength: 500,
          pattern: '^https?://[^\\s?#]+$',
          description: 'Where it answers, version included (`https://host/v1`). A new one needs the key again.',
        }),
      ),
    ),
  },
  { title: 'PutProvider', additionalProperties: false },
);
export type PutProvider = Static<typeof PutProvider>;

const ModelId = Type.String({
  pattern: '^(?:rehearsal|[a-z0-9][a-z0-9-]{0,62}/[^\\s\\u0000-\\u001f]{1,180})$',
  description: '`provider/model`, `local/…` or `rehearsal`.',
});

export const DefaultModel = Type.Object(
  {
    model: nullable(Type.String({ description: 'What was chosen. Null: it depends on what is configured.' })),
    effective: Type.String({ description: 'What a request without a model is given now.' }),
  },
  { title: 'DefaultModel' },
);
export type DefaultModel = Static<typeof DefaultModel>;
export const PutDefaultModel = Type.Object({ model: nullable(ModelId) }, { additionalProperties: false });
