import type { StateFolder } from '../broker/state-folder.ts';
import { type HubStatus, Store } from './store/store.ts';

/** What the hub of this state folder said of itself when it started; undefined before there was one. */
export function readStatus(state: StateFolder): HubStatus | undefined {
  const store = new Store(state.store, 'read');
  try {
    return store.meta.get('hub') as HubStatus | undefined;
  } finally {
    void store.close();
  }
}
