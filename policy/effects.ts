import { type Attribute, type Decision, EFFECTS, type Effect, stricter } from './verdict.ts';

/** The greater of two effects in `read < restart < change < destroy < breach`. */
export function joinEffects(a: Effect, b: Effect): Effect {
  return EFFECTS.indexOf(a) >= EFFECTS.indexOf(b) ? a : b;
}

const DECISIONS: Readonly<Record<Effect, Decision>> = {
  read: 'allow',
  restart: 'allow',
  change: 'review',
  destroy: 'review',
  breach: 'block',
};

/** What an effect means when no rule says more; showing a secret or reaching another machine needs a person. */
export function decisionFor(effect: Effect, attributes: readonly Attribute[]): Decision {
  return attributes.length === 0 ? DECISIONS[effect] : stricter(DECISIONS[effect], 'review');
}
