/** What the API's documents say about each group of routes, in the order in which they show them. */
export const TAGS: Readonly<Record<string, string>> = {
  health: 'Whether the server runs, and whether it can do its work.',
  identity: 'Tenants and their users: sign-up, sign-in, sessions, members, invitations.',
  access: 'Roles and permissions, API keys, and tickets for event streams.',
  audit: 'The hash-chained record of who did what.',
  models: 'Model providers and their keys, and the model that is used where none is named.',
  generations: 'Every call of a model: tokens, cost, times, outcome.',
  documents: 'Texts for discussions and agents, with full-text search.',
  products: 'What a tenant sells: prices, stock, attributes.',
  orders: 'What customers order: stock that is held, payments, live events.',
  agents: 'Agents: a model with instructions, under a name.',
  discussions: 'Agents and people in discussion: turns, messages, live events.',
  webhooks: 'Events sent to addresses outside, signed, at least once.',
  openai: "OpenAI's wire over the same models and agents: any OpenAI client works with it.",
  realtime: 'Everything that happens as it happens, on one WebSocket.',
  operations: 'The log of events, and what could not be handled.',
};
