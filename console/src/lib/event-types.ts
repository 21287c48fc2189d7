/** Every type of event that the log of this version can hold, by topic. A test compares it with `contracts/events`. */
export const EVENT_TYPES = {
  discussions: [
    ...['discussion_started', 'turn_started', 'message_posted', 'turn_failed', 'turn_skipped', 'choice_awaited'],
    ...['discussion_paused', 'discussion_resumed', 'discussion_cancelled', 'discussion_completed'],
  ],
  agents: ['agent_registered', 'agent_changed'],
  knowledge: ['document_indexed'],
  models: ['provider_changed', 'default_model_changed', 'generation_recorded'],
  catalog: ['product_changed'],
  orders: [
    ...['order_created', 'order_paid', 'order_payment_failed', 'order_fulfilled', 'order_cancelled'],
    ...['order_expired', 'order_refunded'],
  ],
  webhooks: ['webhook_created', 'webhook_changed', 'webhook_disabled', 'webhook_test'],
  identity: [
    ...['tenant_created', 'user_signed_in', 'user_sign_in_failed', 'password_changed', 'session_revoked'],
    ...['refresh_reused', 'invitation_created', 'invitation_accepted', 'invitation_revoked', 'member_added'],
    ...['member_changed', 'member_removed', 'api_key_created', 'api_key_revoked', 'permission_denied'],
  ],
} as const satisfies Record<string, readonly string[]>;

export type Topic = keyof typeof EVENT_TYPES;
export const TOPICS = Object.keys(EVENT_TYPES) as Topic[];
