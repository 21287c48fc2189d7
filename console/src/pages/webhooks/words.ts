import type { Webhook, WebhookDelivery } from '@parley/sdk';

export type KeptProps = { webhook: Webhook; onChange(webhook: Webhook): void };

/** How it does, in a word, with the look of a pill. */
export function stateOf(webhook: Webhook): { words: string; look: string } {
  if (webhook.enabled)
    return webhook.failing_since === null ? { words: 'on', look: 'completed' } : { words: 'failing', look: 'waiting' };
  const words = { manual: 'off', gone: 'off: gone', failing: 'off: failing', backlog: 'off: too much waited' };
  const reason = webhook.disabled_reason ?? 'manual';
  return { words: words[reason], look: reason === 'manual' ? 'off' : 'failed' };
}

/** Why it was turned off, and what there is to do. */
export const WHY_OFF: Readonly<Record<NonNullable<Webhook['disabled_reason']>, string>> = {
  manual: 'It was turned off here. What happens meanwhile is not kept for it; a replay brings it back.',
  gone: 'The receiver answered 410, Gone: it wants no more. Turn it on again once its address is right.',
  failing: 'No attempt succeeded for five days. Turn it on again once the receiver works.',
  backlog: 'Too much waited for it. Turn it on again, and replay what it missed.',
};

export const DELIVERY_LOOKS: Readonly<Record<WebhookDelivery['status'], string>> = {
  pending: 'waiting',
  succeeded: 'completed',
  failed: 'failed',
  cancelled: 'off',
};

/** What an attempt came to: a status, or why there was none. */
export const attemptWords = ({ status, error }: WebhookDelivery['attempts'][number]): string =>
  error?.replace(/\.$/, '') ?? (status === null ? 'no answer' : `answered ${status}`);
