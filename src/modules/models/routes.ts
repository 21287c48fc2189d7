import type { Router } from '../../platform/http/router.ts';
import type { Choice } from './choose.ts';
import { DefaultModel, Provider, ProviderList, ProviderParams, PutDefaultModel, PutProvider } from './schemas.ts';
import type { Providers } from './service.ts';

const tag = 'models';

export function modelsRoutes(router: Router, { providers, choice }: { providers: Providers; choice: Choice }): void {
  router.route({
    method: 'GET',
    url: '/providers',
    operationId: 'listProviders',
    summary: 'List model providers',
    description: 'Those of this tenant, those that the operator set for everybody, and servers found on the machine.',
    tag,
    access: 'providers:read',
    response: ProviderList,
    handler: async ({ ctx }) => ({ items: await providers.list(ctx) }),
  });

  router.route({
    method: 'PUT',
    url: '/providers/:name',
    operationId: 'putProvider',
    summary: 'Set up a model provider',
    description:
      'A key for `openai`, `anthropic` or `google`, or any server that speaks OpenAI’s protocol under a name of your own. ' +
      'Its models are then `name/model`. Addresses must be public unless the operator allows others.',
    tag,
    access: 'providers:write',
    params: ProviderParams,
    body: PutProvider,
    response: Provider,
    errors: ['limit_reached'],
    handler: ({ ctx, params, body }) => providers.put(ctx, params.name, body),
  });

  router.route({
    method: 'DELETE',
    url: '/providers/:name',
    operationId: 'deleteProvider',
    summary: 'Forget a model provider and its key',
    tag,
    access: 'providers:write',
    params: ProviderParams,
    status: 204,
    errors: ['not_found'],
    handler: async ({ ctx, params }) => providers.remove(ctx, params.name),
  });

  router.route({
    method: 'GET',
    url: '/models/default',
    operationId: 'getDefaultModel',
    summary: 'Read which model is used where none is named',
    tag,
    access: 'models:read',
    response: DefaultModel,
    handler: ({ ctx }) => choice.getDefault(ctx),
  });

  router.route({
    method: 'PUT',
    url: '/models/default',
    operationId: 'setDefaultModel',
    summary: 'Choose the model that is used where none is named',
    tag,
    access: 'providers:write',
    body: PutDefaultModel,
    response: DefaultModel,
    errors: ['model_not_found'],
    handler: ({ ctx, body }) => choice.setDefault(ctx, body.model),
  });
}
