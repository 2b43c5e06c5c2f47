import { statSync } from 'node:fs';
import type { Log } from '../broker/log.ts';
import type { Policy } from '../policy/policy.ts';
import type { ChosenModel } from './models/choice.ts';
import { threadsFor } from './models/threads.ts';
import { type Playbook, sitePlaybooks } from './playbook/playbook.ts';
import { readEndpoint } from './reason/endpoint/config.ts';
import { EndpointReasoner } from './reason/endpoint/endpoint.ts';
import { openModelReasoner } from './reason/open-model-reasoner.ts';
import type { Reasoner } from './reason/reasoner.ts';
import { RulesReasoner } from './reason/rules.ts';
import type { AskProbe } from './reason/staged/questions.ts';
import { triedBefore } from './steps/tried.ts';
import type { Store } from './store/store.ts';

/** One model's answer; shorter than the reasoners' common deadline, so that its failure is still its own. */
const MODEL_DEADLINE_MS = 25_000;

export interface ReasonerParts {
  /** The folder of the site's own playbooks; it need not exist. */
  readonly folder: string;
  /** Its `endpoint.yaml`; it need not exist. */
  readonly endpoint: string;
  readonly policy: Policy;
  readonly store: Store;
  readonly log: Log;
}

export interface Reasoners {
  readonly playbooks: ReadonlyMap<string, Playbook>;
  /** Who is asked, in this order. A model that is ready joins in front. */
  readonly all: Reasoner[];
  /** What answers with no model at all. */
  readonly codified: Reasoner;
}

/** Who is asked, for people: for instance `sentinel + plant-llm + rules`. */
export const namesOf = ({ all }: Pick<Reasoners, 'all'>): string => all.map(({ name }) => name).join(' + ');

/**
 * The playbooks that load, and the reasoner that works with nothing else, with the site's own endpoint where there is one.
 * What does not load is said in the log; throws ConfigError for an endpoint that can't be asked.
 */
export function openReasoners({ folder, endpoint, policy, store, log }: ReasonerParts): Reasoners {
  const { playbooks, errors } = sitePlaybooks(folder, policy);
  for (const error of errors) log.error(error.message);
  const codified = new RulesReasoner({ playbooks, tried: (id) => triedBefore(store, id) });
  const byId = new Map(playbooks.map((one) => [one.id, one]));
  const asked = openEndpoint(endpoint, { playbooks: byId }, log);
  return { playbooks: byId, all: asked === null ? [codified] : [asked, codified], codified };
}

/** The model of `endpoint.yaml`, where the site has one; without the file none is asked. Throws ConfigError. */
export function openEndpoint(file: string, { playbooks }: Pick<Reasoners, 'playbooks'>, log: Log): Reasoner | null {
  const endpoint = readEndpoint(file);
  return endpoint === null ? null : new EndpointReasoner(endpoint, { playbooks }, (message) => log.info(message));
}

/**
 * A model that does not load costs the model, not the hub: null, and the log says why. `ask` puts its questions to hosts;
 * absent: there is none to ask.
 */
export async function openModel(
  chosen: ChosenModel,
  { playbooks }: Pick<Reasoners, 'playbooks'>,
  log: Log,
  ask: AskProbe | null = null,
): Promise<Reasoner | null> {
  const { file } = chosen;
  try {
    return await openModelReasoner({
      ...chosen,
      playbooks,
      ask,
      maxThreads: threadsFor(statSync(file, { throwIfNoEntry: false })?.size ?? 0),
      deadlineMs: MODEL_DEADLINE_MS,
      log: (message) => log.info(message),
    });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? `${String(error.code)}: ` : '';
    log.error(`going on with rules alone. ${code}${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}
