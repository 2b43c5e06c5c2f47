import { readRoster, readSite } from '../../broker/enroll.ts';
import { type RememberedRule, signRemembered } from '../../broker/remembered.ts';
import type { StateFolder } from '../../broker/state-folder.ts';
import { needsTwo } from '../../broker/two-person.ts';
import { ulid } from '../../broker/ulid.ts';
import { ruleToRemember } from '../automation/remember.ts';
import type { Incident } from '../incident.ts';
import { ActError } from '../steps/approve.ts';
import { tagsOf } from '../store/hosts.ts';
import type { Store } from '../store/store.ts';
import { type Acting, askHub } from './client.ts';
import type { Response } from './protocol.ts';

const DAY_MS = 86_400_000;

/** What is asked for beside an approval that is to be remembered. */
export interface RememberWish {
  /** Review steps that are consented to. */
  readonly reviewed: readonly number[];
  readonly days: number;
  /** Hosts beside the incident's own. */
  readonly on: readonly string[];
}

/**
 * The rule that would be signed with this approval, to be shown before anything is signed. Throws ActError with the
 * reason why this one is a person's each time.
 */
export function ruleFor(
  from: { readonly state: StateFolder; readonly store: Store },
  incident: Incident,
  operator: Omit<Acting, 'sign'>,
  { reviewed, days, on }: RememberWish,
  now: number,
): RememberedRule {
  const { name: by, role, site } = operator;
  if (role !== 'admin')
    throw new ActError('E_ACT_ROLE', `${by} is ${role}: an admin signs what runs with nobody there`);
  const hosts = [...new Set([incident.host, ...on])];
  const { roster } = readRoster(from.state, readSite(from.state));
  for (const host of hosts)
    if (needsTwo(roster, { host, reviewed }, tagsOf(from.store, host)))
      throw new ActError('E_ACT_REMEMBER', `two persons must agree to it on ${host}, each time`);
  const span = { made: now, not_after: now + days * DAY_MS };
  const consent = [...reviewed].sort((a, b) => a - b);
  return ruleToRemember(incident, { id: ulid(now), site, by, hosts, reviewed: consent, ...span });
}

/** Signs the rule as it was shown, and hands it to the hub. */
export async function rememberIt(state: StateFolder, operator: Acting, rule: RememberedRule): Promise<Response> {
  const signed = await signRemembered(rule, operator.sign);
  return askHub(state, operator, { verb: 'remember', ...signed });
}
