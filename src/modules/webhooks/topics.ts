import type { Topic } from '../../platform/events/define.ts';
import type { EventTypes } from '../../platform/events/registry.ts';
import { GUARDED_TOPIC } from './rules.ts';

/** Event types by topic. Asked for when they are needed: every module has declared its own by then. */
export type Topics = {
  has(type: string): boolean;
  /** Of a type that no module declares (any more): guarded, so that only who names it is sent it. */
  of(type: string): Topic;
  /** Types of which only who may read the audit record learns. */
  guarded(): readonly string[];
};

export function createTopics(types: EventTypes): Topics {
  let known: ReadonlyMap<string, Topic> | undefined;
  const topics = () => {
    known ??= new Map(types.all().map(({ type, topic }) => [type, topic]));
    return known;
  };
  return {
    has: (type) => topics().has(type),
    of: (type) => topics().get(type) ?? GUARDED_TOPIC,
    guarded: () => [...topics()].flatMap(([type, topic]) => (topic === GUARDED_TOPIC ? [type] : [])),
  };
}
