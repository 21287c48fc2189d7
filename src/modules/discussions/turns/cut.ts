import type { GenerateResult } from '../../models/index.ts';
import type { Participant } from '../rules/fold.ts';
import { authorOf, type Stage } from '../stage.ts';

/**
 * Ends the turn under way where it stands: what was said is kept as a message marked `interrupted`; where nothing was
 * said yet, the turn ends without one.
 */
export async function cutShort(
  stage: Stage,
  cut: { text: string; usage: ReturnType<typeof cutUsage>; otherwise: 'advanced' | 'timeout' | 'interrupted' },
): Promise<void> {
  const speaker = stage.speaker as Participant;
  if (cut.text.trim() === '') {
    stage.spend(cut.usage);
    return stage.skip(cut.otherwise);
  }
  const metadata = { finish_reason: 'interrupted' };
  const message = {
    turn: stage.row.turn,
    author: authorOf(speaker),
    content: storable(cut.text),
    metadata,
    ...cut.usage,
  };
  await stage.say(message, 'interrupted');
}

/** What a generation that was cut short is counted with: nobody told its tokens, so four bytes make one. */
export const cutUsage = ({ text, promptTokens }: { text: string; promptTokens: number }) => ({
  input_tokens: promptTokens,
  output_tokens: estimateTokens(text),
  cost_nano_usd: null,
});

/** Four bytes of UTF-8 a token. */
export const estimateTokens = (text: string): number => Math.ceil(Buffer.byteLength(text) / 4);

/** What a generation is counted with. */
export const spentOn = ({ usage, costNanoUsd }: GenerateResult) => ({
  input_tokens: usage.inputTokens,
  output_tokens: usage.outputTokens,
  cost_nano_usd: costNanoUsd,
});

/** What PostgreSQL can keep: no U+0000, no half of a surrogate pair. */
export const storable = (text: string): string => text.replaceAll('\0', '').toWellFormed();
