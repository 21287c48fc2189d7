import { type Static, Type } from 'typebox';
import { cursorQuery } from '../../platform/http/paging.ts';

const Time = Type.String({ format: 'date-time' });
const Hash = Type.String({ description: 'SHA-256, in hexadecimal.' });

export const AuditRecord = Type.Object(
  {
    seq: Type.Integer({ description: '1, 2, 3 … within the tenant, without a hole.' }),
    id: Type.String({ description: "The event's id." }),
    type: Type.String(),
    time: Time,
    actor: Type.Union([Type.Object({ kind: Type.String(), id: Type.String() }), Type.Null()]),
    subject: Type.String(),
    data: Type.Record(Type.String(), Type.Unknown()),
    previous_hash: Hash,
    hash: Hash,
  },
  { title: 'AuditRecord' },
);
export type AuditRecord = Static<typeof AuditRecord>;

export const AuditQuery = Type.Object({
  ...cursorQuery.properties,
  type: Type.Optional(Type.String({ maxLength: 100, pattern: '^[a-z_]+$', description: 'Only events of this type.' })),
  actor_id: Type.Optional(Type.String({ maxLength: 100, description: 'Only what this actor did.' })),
  since: Type.Optional(Type.String({ format: 'date-time' })),
  until: Type.Optional(Type.String({ format: 'date-time' })),
});
export type AuditQuery = Static<typeof AuditQuery>;

export const VerifyQuery = Type.Object({
  checkpoint: Type.Optional(
    Type.String({
      maxLength: 4_096,
      description: 'A checkpoint kept from an earlier answer: is it still in the chain?',
    }),
  ),
});

export const Verification = Type.Object(
  {
    valid: Type.Boolean(),
    records: Type.Integer({ description: 'Records that were checked.' }),
    broken_at: Type.Union([
      Type.Null(),
      Type.Object({
        seq: Type.Integer({ description: 'The first record that does not fit.' }),
        reason: Type.Enum(
          ['missing', 'altered', 'relinked', 'truncated', 'checkpoint_mismatch', 'checkpoint_invalid'],
          {
            description:
              '`missing`: a record was taken out. `altered`: its content is not what was hashed. `relinked`: it does not ' +
              'continue the one before. `truncated`: a checkpoint knows of more records. `checkpoint_mismatch`: a ' +
              'checkpoint knows another record here. `checkpoint_invalid`: a checkpoint that we did not sign.',
          },
        ),
      }),
    ]),
    checkpoint: Type.Union([Type.Null(), Type.String()], {
      description:
        'The head of the chain, signed (a JWS; keys at `/.well-known/jwks.json`). Keep it somewhere else, and hand it in later.',
    }),
  },
  { title: 'AuditVerification' },
);
export type Verification = Static<typeof Verification>;
