import type { Secrets } from '../../platform/config/secrets.ts';
import { newSecret } from './deliveries/signing.ts';
import type { WebhookRow } from './store.ts';

export type SealedSecret = { readonly secret: string; readonly sealed: string };

/** A webhook's secrets, sealed at rest. */
export type WebhookSecrets = {
  make(tenantId: string, webhookId: string): Promise<SealedSecret>;
  /** The secret of today sealed as the one before, to sign beside its successor. */
  asPrevious(tenantId: string, row: WebhookRow): Promise<string>;
  /** What signs now, the newest first. */
  live(tenantId: string, row: WebhookRow, now: Date): Promise<string[]>;
};

const purpose = (id: string, column: 'secret' | 'previous') => `webhooks/${id}/${column}`;

export function webhookSecrets(secrets: Secrets): WebhookSecrets {
  const current = (tenantId: string, { id, secret_sealed }: WebhookRow) =>
    secrets.open(tenantId, purpose(id, 'secret'), secret_sealed);
  return {
    async make(tenantId, id) {
      const secret = newSecret();
      return { secret, sealed: await secrets.seal(tenantId, purpose(id, 'secret'), secret) };
    },
    asPrevious: async (tenantId, row) =>
      secrets.seal(tenantId, purpose(row.id, 'previous'), await current(tenantId, row)),
    async live(tenantId, row, now) {
      const { id, previous_sealed, previous_until } = row;
      const newest = await current(tenantId, row);
      if (previous_sealed === null || previous_until === null || previous_until <= now) return [newest];
      return [newest, await secrets.open(tenantId, purpose(id, 'previous'), previous_sealed)];
    },
  };
}
