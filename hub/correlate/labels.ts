import type { Event } from '../../broker/messages.ts';
import type { Labels } from './matcher.ts';
import type { ServiceMap } from './service-map.ts';

/** What expressions may ask of an event: what the agent said, its host's tags, and what the site says of the host. */
export function labelsOf(event: Event, tags: readonly string[], services: ServiceMap): Labels {
  const subject = subjectOf(event);
  return {
    host: [event.agent],
    signal: [event.signal],
    metric: event.metric === undefined ? [] : [event.metric],
    subject: subject === undefined ? [] : [subject],
    severity: [event.severity],
    fingerprint: [event.fingerprint],
    tag: tags,
    service: services.on(event.agent).map(({ name }) => name),
  };
}

/** The label of the event's metric: `/var` of `disk.used_percent[/var]`. */
export const subjectOf = (event: Event): string | undefined => /\[(.+)\]$/.exec(event.metric ?? '')?.[1];
