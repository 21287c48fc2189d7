import type { Permission } from '@parley/sdk';

const PAGES: Readonly<Record<string, { page: string; words: string; needs: Permission }>> = {
  discussions: { page: '/discussions', words: 'the discussion', needs: 'discussions:read' },
  agents: { page: '/agents', words: 'the agent', needs: 'agents:read' },
  documents: { page: '/documents', words: 'the document', needs: 'documents:read' },
  products: { page: '/products', words: 'the product', needs: 'products:read' },
  orders: { page: '/orders', words: 'the order', needs: 'orders:read' },
  webhooks: { page: '/webhooks', words: 'the webhook', needs: 'webhooks:read' },
};

/** The console's page of what a stream is about: `products/{id}` → its product. */
export function aboutOf(
  stream: string,
  can: (permission: Permission) => boolean,
): { to: string; words: string } | undefined {
  const [, kind = '', id = ''] = /^([a-z-]+)\/([0-9a-f-]{36})$/.exec(stream) ?? [];
  const known = Object.hasOwn(PAGES, kind) ? PAGES[kind] : undefined;
  return known && can(known.needs) ? { to: `${known.page}/${id}`, words: known.words } : undefined;
}

const PARTS: Readonly<Record<string, string>> = {
  order_id: 'orders',
  discussion_id: 'discussions',
  document_id: 'documents',
  webhook_id: 'webhooks',
  product_id: 'products',
};

/** The page of what a job works at, by the id in its payload. */
export function aboutJob(
  payload: unknown,
  can: (permission: Permission) => boolean,
): { to: string; words: string } | undefined {
  if (typeof payload !== 'object' || payload === null) return undefined;
  for (const [name, kind] of Object.entries(PARTS)) {
    const id = (payload as Record<string, unknown>)[name];
    if (typeof id === 'string') return aboutOf(`${kind}/${id}`, can);
  }
  return undefined;
}
