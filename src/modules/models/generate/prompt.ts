import type { ChatMessage } from '../contract.ts';
import type { Prompt } from './ai-types.ts';

/**
 * Our messages in the AI SDK's form. No provider's wire carries the names of many speakers, so a name goes in front
 * of what was said. System messages lead (several providers take them nowhere else): a later one is said by the user.
 * Empty messages, which some providers refuse, are left out.
 */
export function toPrompt(messages: readonly ChatMessage[]): Prompt {
  const said = messages.filter(({ content }) => content.trim() !== '');
  const leading = said.findIndex(({ role }) => role !== 'system');
  const head = leading < 0 ? said : said.slice(0, leading);
  const rest = leading < 0 ? [] : said.slice(leading);
  return [
    ...(head.length === 0 ? [] : [{ role: 'system' as const, content: head.map(named).join('\n\n') }]),
    ...rest.map((message) => ({
      role: message.role === 'assistant' ? ('assistant' as const) : ('user' as const),
      content: [{ type: 'text' as const, text: message.role === 'assistant' ? message.content : named(message) }],
    })),
  ];
}

const named = ({ name, content }: ChatMessage): string => (name === undefined ? content : `${name}: ${content}`);
