import type { Hub } from './hub.ts';
import type { Driver } from './pipeline.ts';
import type { AskProbe } from './reason/staged/questions.ts';

/**
 * What a thinking model asks hosts with: the same questions, bounds and records as an operator's. A question that can't be
 * asked now is answered with the code that says why, since a thought must not end for it.
 */
export function askHost(hub: Hub, driver: Driver): AskProbe {
  return async (incident, { probe, param }, by) => {
    try {
      // No operator's name has a colon: the record tells a model from a person.
      const { state, lines } = await hub.probes.ask(hub, driver, { incident, probe, param, by: `model:${by}` });
      return { state, lines };
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'E_INTERNAL';
      return { state: code.slice(0, 64), lines: [] };
    }
  };
}
