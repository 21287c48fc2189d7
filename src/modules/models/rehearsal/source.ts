import type { Source } from '../generate/source.ts';
import { type Pace, paced } from './pace.ts';
import { rehearse } from './rehearse.ts';

/** The rehearsal as a model that is always there. */
export function rehearsalSource(pace: Pace): Source {
  return {
    id: 'rehearsal',
    provider: 'rehearsal',
    providerModel: 'rehearsal',
    rehearsal: true,
    async *open(request, signal) {
      const { pieces, finishReason, citations } = rehearse(request);
      for await (const text of paced(pieces, pace, signal)) yield { type: 'text', text };
      yield { type: 'finish', finishReason, citations };
    },
  };
}
