import type { Discussion } from '@parley/sdk';
import type { ReactNode } from 'react';
import { type ArenaState, heard } from '../state.ts';
import { hueIn, nameOf, tail } from '../words.ts';
import { TurnLine } from './line.tsx';

/** As much as the middle of the table holds. */
const HELD = 420;

/** What is said now in the middle of the table, or what was said last. The transcript tells it to a screen reader. */
export function Centre({ state, discussion }: { state: ArenaState; discussion: Discussion }): ReactNode {
  const { live } = state;
  const said = live ? undefined : state.messages.findLast(({ turn }) => turn !== null);
  const text = live ? heard(live) : (said?.content ?? '');
  const speaker = live ? live.participantId : said?.author.participant_id;
  return (
    <div className={`centre hue-${hueIn(discussion, speaker)}`}>
      <TurnLine state={state} discussion={discussion} />
      {text !== '' && (
        <div className={live ? 'centre-words' : 'centre-words centre-past'} aria-hidden="true">
          <p dir="auto">
            {!live && speaker && <span className="centre-name">{nameOf(discussion, speaker)}: </span>}
            {plain(tail(text, HELD))}
            {live && <span className="caret" />}
          </p>
        </div>
      )}
    </div>
  );
}

/** Without the marks of Markdown. */
const plain = (text: string): string =>
  text
    .replace(/^\s*(?:[-*+]|\d+\.)\s+/gm, '')
    .replace(/[*_`#>]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}/g, '')
    .replace(/\s+/g, ' ');
