import type { Discussion } from '@parley/sdk';
import { type KeyboardEvent, type ReactNode, useEffect, useRef } from 'react';
import { useResource } from '../../lib/resource.tsx';
import { useClient } from '../../lib/session.tsx';
import { IconButton } from '../../ui/controls.tsx';
import { Empty, ErrorNote, Skeleton } from '../../ui/states.tsx';
import { type ArenaState, turnOf } from '../state.ts';
import { Overview } from './overview.tsx';
import { People } from './people.tsx';
import { Rules } from './rules.tsx';
import { TurnDetail } from './turn.tsx';
import { Turns } from './turns.tsx';

export type Tab = 'overview' | 'turns' | 'people' | 'rules';
const TABS: readonly { id: Tab; label: string }[] = [
  { id: 'overview', label: 'Figures' },
  { id: 'turns', label: 'Turns' },
  { id: 'people', label: 'People' },
  { id: 'rules', label: 'Rules' },
];

type InspectorProps = {
  state: ArenaState;
  discussion: Discussion;
  tab: Tab;
  onTab(tab: Tab): void;
  /** The turn that is looked into. */
  turn: number | undefined;
  onTurn(turn: number | undefined): void;
  onMessage(seq: number): void;
  onOlderTurns(): void;
  /** Over the page, on a small screen: `close` is then shown. */
  sheet: boolean;
  onClose(): void;
};

/** About a discussion: what it takes, its turns, who is there, by which rules. */
export function Inspector(props: InspectorProps): ReactNode {
  const { tab, onTab, sheet, onClose } = props;
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (sheet) list.current?.querySelector<HTMLElement>('[aria-selected="true"]')?.focus();
  }, [sheet]);
  const walk = (event: KeyboardEvent): void => {
    const at = TABS.findIndex(({ id }) => id === tab);
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const next = TABS[(at + by + TABS.length) % TABS.length] as (typeof TABS)[number];
    onTab(next.id);
    list.current?.querySelector<HTMLElement>(`#tab-${next.id}`)?.focus();
  };
  const named = { 'aria-label': 'About this discussion' };
  const role = sheet ? { role: 'dialog', 'aria-modal': true, ...named } : { role: 'complementary', ...named };
  return (
    <div className="panel" {...role}>
      <div className="panel-head">
        <div className="panel-tabs" role="tablist" aria-label="About this discussion" ref={list} onKeyDown={walk}>
          {TABS.map(({ id, label }) => (
            <button
              key={id}
              id={`tab-${id}`}
              type="button"
              role="tab"
              aria-selected={tab === id}
              aria-controls="panel-body"
              tabIndex={tab === id ? 0 : -1}
              onClick={() => onTab(id)}
            >
              {label}
            </button>
          ))}
        </div>
        <IconButton icon="close" label="Close" className="panel-close" onClick={onClose} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: an area that scrolls must be reachable by keyboard */}
      <div className="panel-body" id="panel-body" role="tabpanel" aria-labelledby={`tab-${tab}`} tabIndex={0}>
        <Body {...props} />
      </div>
    </div>
  );
}

function Body({ state, discussion, tab, turn, onTurn, onMessage, onOlderTurns }: InspectorProps): ReactNode {
  if (tab === 'overview') return <Overview state={state} discussion={discussion} />;
  if (tab === 'people') return <People discussion={discussion} />;
  if (tab === 'rules') return <Rules state={state} discussion={discussion} />;
  if (turn === undefined) return <Turns state={state} discussion={discussion} onTurn={onTurn} onOlder={onOlderTurns} />;
  return <One {...{ state, discussion, number: turn, onTurn, onMessage }} />;
}

type OneProps = Pick<InspectorProps, 'state' | 'discussion' | 'onTurn' | 'onMessage'> & { number: number };

/** A turn that is looked into, fetched where it is an old one. */
function One({ state, discussion, number, onTurn, onMessage }: OneProps): ReactNode {
  const client = useClient();
  const here = turnOf(state, number);
  const { data, error, reload } = useResource(`turn/${discussion.id}/${here ? 'here' : number}`, async (signal) => {
    if (here) return null;
    const query = { after_turn: number - 1, limit: 1 };
    const { items } = await client.discussions.turns(discussion.id, query, { signal });
    return items[0]?.turn === number ? items[0] : null;
  });
  const turn = here ?? data;
  const back = (): void => onTurn(undefined);
  if (turn) {
    const last = state.turns.at(-1)?.turn ?? number;
    return <TurnDetail {...{ discussion, turn, onTurn, onMessage, last }} onBack={back} />;
  }
  if (error !== undefined) return <ErrorNote error={error} retry={reload} />;
  return data === null ? <Empty title="This turn has not begun" /> : <Skeleton rows={4} />;
}
