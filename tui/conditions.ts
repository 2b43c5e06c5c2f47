import { WAITS_FOR_PERSON } from '../hub/incident.ts';
import { pickedRule } from './automation-list.ts';
import { whyNotApprovable } from './consent.ts';
import type { Model } from './model.ts';
import { hasOpen } from './tour.ts';

// Why a key does nothing now, as a sentence; undefined when it does something.

export const needsIncident = (model: Model) => (model.incident === undefined ? 'no incident is selected' : undefined);

export const needsWaiting = (model: Model) => {
  if (model.incident === undefined) return 'no incident is selected';
  return WAITS_FOR_PERSON.has(model.incident.state)
    ? undefined
    : `the incident is ${model.incident.state.replace('_', ' ')}: nothing waits for you`;
};

export const needsApprovable = (model: Model) =>
  model.incident === undefined ? 'no incident is selected' : whyNotApprovable(model.incident, model.now);

/** What acts needs a hub that answers, and a screen and an operator that may. */
export const needsHub = (model: Model) => {
  if (model.readOnly) return 'this screen only looks (--readonly)';
  if (model.desk.role === 'viewer') return `${model.desk.operator} may look, not act`;
  return model.desk.hub === 'down' ? 'the hub is down: nothing can be signed now' : undefined;
};

export const needsOnline = (model: Model) => {
  if (model.incident === undefined) return 'no incident is selected';
  const host = model.desk.hosts.find(({ agent }) => agent === model.incident?.host);
  return host?.state === 'online' ? undefined : `${model.incident.host} does not answer now`;
};

export const needsRule = (model: Model) =>
  pickedRule(model) === undefined ? 'no approval that is remembered is selected' : undefined;

export const needsQuiet = ({ desk }: Model) =>
  hasOpen(desk) ? 'an incident is open: the tour waits until it is over' : undefined;
