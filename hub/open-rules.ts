import type { KeyPair } from '../broker/keys.ts';
import type { Log } from '../broker/log.ts';
import { type PolicyChange, watchPolicy } from '../policy/watch-policy.ts';
import { appendAudit } from './chain/audit.ts';
import type { Store } from './store/store.ts';

export interface RulesParts {
  /** The folder of the site's own rules. */
  readonly siteDir: string;
  readonly store: Store;
  readonly key: KeyPair;
  readonly log: Log;
}

/** The policy in force, followed as its files change; every change is in the audit chain. */
export function openRules({ siteDir, store, key, log }: RulesParts): ReturnType<typeof watchPolicy> {
  const changed = async (change: PolicyChange) => {
    if ('error' in change) {
      log.error(`the rules stay as they were. ${change.error.message}`, { code: change.error.code });
      return;
    }
    log.info('the rules have changed', { policy: change.policy.hash.slice(0, 16) });
    const entry = { kind: 'policy.changed', incident: null, actor: 'hub', data: { policy: change.policy.hash } };
    await store.write(() => appendAudit(store, key, entry, Date.now())).catch((error) => log.error(String(error)));
  };
  return watchPolicy({ siteDir }, (change) => void changed(change));
}
