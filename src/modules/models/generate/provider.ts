import type { Outbound } from '../../../platform/net/outbound.ts';
import type { Connection } from '../rules.ts';
import { ask, languageModels } from './ai-sdk.ts';
import { chat } from './compatible/chat.ts';
import type { Source } from './source.ts';

/** Makes sources of providers' models: a compatible server is asked by our own client, the others by their packages. */
export function providerSources(outbound: Outbound): (connection: Connection, model: string) => Source {
  const load = languageModels(outbound);
  return (connection, model) => {
    const { name, baseUrl, apiKey, kind, outbound: reach } = connection;
    const told = { id: `${name}/${model}`, provider: name, providerModel: model, rehearsal: false };
    const secret = apiKey === undefined ? {} : { secret: apiKey };
    if (kind === 'openai_compatible') {
      const asked = { connection, model, post: outbound.post(reach) };
      return { ...told, ...secret, baseUrl, open: (request, signal) => chat(asked, request, signal) };
    }
    const at = { ...connection, kind };
    return { ...told, ...secret, open: (request, signal) => ask(() => load(at, model), request, signal) };
  };
}
