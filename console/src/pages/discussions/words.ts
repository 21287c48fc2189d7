import type { DiscussionFacts } from '@parley/sdk';

const WORDS: Record<string, string> = {
  max_turns: 'all its turns taken',
  max_tokens: 'out of tokens',
  max_seconds: 'out of time',
  max_cost_usd: 'out of budget',
  verdict: 'with a verdict',
  no_verdict: 'without a verdict',
  end_of_graph: 'at the end of its graph',
  choose_next: 'for whom you name next',
};

/** Why a discussion stands or ended, in a few words; undefined where its status says enough. */
export function reasonWords({
  status,
  status_reason: reason,
}: Pick<DiscussionFacts, 'status' | 'status_reason'>): string | undefined {
  if (reason === null || reason === 'requested' || status === 'running') return undefined;
  return WORDS[reason] ?? reason.replaceAll('_', ' ');
}
