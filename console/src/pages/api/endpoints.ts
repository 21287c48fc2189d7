import type { ApiDocument, Permission } from '@parley/sdk';

export type Operation = {
  id: string;
  tag: string;
  method: string;
  path: string;
  summary: string;
  needs: Permission | undefined;
};
export type Group = { tag: string; description: string; items: Operation[] };

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

/** What the document tells, by tag and in its order. */
export function endpointsOf(document: ApiDocument): Group[] {
  const groups = new Map<string, Group>();
  for (const { name, description = '' } of document.tags ?? []) groups.set(name, { tag: name, description, items: [] });
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      if (!operation) continue;
      const { operationId: id = `${method} ${path}`, summary = '', description = '', tags = [] } = operation;
      const tag = tags[0] ?? 'other';
      const group = groups.get(tag) ?? { tag, description: '', items: [] };
      groups.set(tag, group);
      group.items.push({ ...{ id, tag, method, path, summary }, needs: permissionIn(description) });
    }
  }
  return [...groups.values()].filter(({ items }) => items.length > 0);
}

/** The server says it in words at the end of each description. */
const permissionIn = (description: string): Permission | undefined =>
  /Needs the permission `([a-z_]+:[a-z_]+)`/.exec(description)?.[1] as Permission | undefined;

/** Those whose path, name, summary or permission hold every word that was typed. */
export function matching(groups: readonly Group[], typed: string): Group[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [...groups];
  return groups
    .map((group) => ({
      ...group,
      items: group.items.filter(({ id, method, path, summary, needs = '', tag }) => {
        const text = `${method} ${path} ${id} ${summary} ${needs} ${tag}`.toLowerCase();
        return words.every((word) => text.includes(word));
      }),
    }))
    .filter(({ items }) => items.length > 0);
}

/** Its place in Swagger UI, where it can be called by hand. */
export const docsOf = (tag: string, id: string): string =>
  `/docs#/${encodeURIComponent(tag)}/${encodeURIComponent(id)}`;

/** Where the console has a form, a list or a button for it. What has none is called from the docs. */
export const FORMS: Readonly<Record<string, string>> = {
  ...at('/system', ['getHealth', 'getReadiness', 'getSystem']),
  ...at('/settings/profile', ['getMe', 'changePassword']),
  ...at('/settings/sessions', ['listSessions', 'revokeSession']),
  ...at('/settings/members', ['listUsers', 'changeUser', 'removeUser', 'listRoles']),
  ...at('/settings/members', ['createInvitation', 'listInvitations', 'revokeInvitation']),
  ...at('/settings/keys', ['createApiKey', 'listApiKeys', 'revokeApiKey']),
  ...at('/settings/usage', ['listGenerations']),
  ...at('/settings/models', ['listProviders', 'putProvider', 'deleteProvider', 'getDefaultModel', 'setDefaultModel']),
  ...at('/settings/models', ['listModels']),
  ...at('/documents', ['listDocuments', 'getDocument', 'changeDocument', 'deleteDocument']),
  ...at('/documents/new', ['createDocument']),
  ...at('/agents', ['listAgents', 'getAgent', 'changeAgent', 'deleteAgent', 'archiveAgent', 'restoreAgent']),
  ...at('/agents', ['streamAgent']),
  ...at('/agents/new', ['createAgent']),
  ...at('/discussions/new', ['createDiscussion']),
  ...at('/discussions', ['listDiscussions', 'getDiscussion', 'listTurns', 'followDiscussion', 'postMessage']),
  ...at('/discussions', ['listMessages', 'pauseDiscussion', 'cancelDiscussion', 'resumeDiscussion']),
  ...at('/discussions', ['advanceDiscussion', 'forkDiscussion', 'exportDiscussion', 'issueSeatKey', 'revokeSeatKey']),
  ...at('/discussions', ['getTurnContext', 'getDiscussionMemory']),
  ...at('/products', ['listProducts', 'getProduct', 'changeProduct', 'archiveProduct']),
  ...at('/products/new', ['createProduct']),
  ...at('/orders', ['listOrders', 'getOrder', 'followOrder', 'cancelOrder', 'fulfilOrder', 'payOrder']),
  ...at('/orders/new', ['createOrder']),
  ...at('/events', ['listEvents', 'getEvent', 'followEvents']),
  ...at('/streams', ['getStreams']),
  ...at('/webhooks', ['listWebhooks', 'getWebhook', 'changeWebhook', 'deleteWebhook', 'enableWebhook']),
  ...at('/webhooks', ['rotateWebhookSecret', 'replayWebhook', 'testWebhook', 'listWebhookDeliveries']),
  ...at('/webhooks', ['getWebhookDelivery', 'retryWebhookDelivery']),
  ...at('/webhooks/new', ['createWebhook']),
  ...at('/dead-letters', ['listDeadLetters', 'getDeadLetter', 'discardDeadLetter', 'requeueDeadLetter']),
  ...at('/dead-letters', ['requeueDeadLetters', 'discardDeadLetters']),
};

function at(page: string, operations: readonly string[]): Record<string, string> {
  return Object.fromEntries(operations.map((id) => [id, page]));
}

export const formOf = (id: string): string | undefined => (Object.hasOwn(FORMS, id) ? FORMS[id] : undefined);
