import type { Mesh } from '../../broker/mesh.ts';
import { hubTopic } from '../../broker/topics.ts';
import { hubState } from '../site/takeover.ts';
import type { Store } from '../store/store.ts';
import type { Tools } from './tools.ts';
import { Views } from './views.ts';

export interface ViewParts {
  readonly store: Store;
  readonly mesh: Mesh;
  readonly tools: Tools;
  /** Say what tools may read as JSON too. */
  readonly json: boolean;
  readonly isAgent: (name: string) => boolean;
}

/** What is said to tools, from the moment that there is one. */
export function openViews({ store, mesh, tools, json, isAgent }: ViewParts): Views {
  const views = new Views({ store, mesh, json, isWanted: () => tools.all().length > 0, isAgent, now: Date.now });
  let listeners = tools.all().length;
  tools.onChange(() => {
    views.sayAll();
    // With the first listener agents say their births once more: until then the broker has kept none.
    const isFirst = listeners === 0;
    listeners = tools.all().length;
    if (isFirst && listeners > 0) void mesh.publish(hubTopic('st'), hubState('online', Date.now()), { retain: true });
  });
  return views;
}
