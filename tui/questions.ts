import { PROBE_IDS, PROBES, type ProbeId, type ProbeSubject } from '../broker/probe-catalogue.ts';
import type { Incident } from '../hub/incident.ts';
import { matches } from './listing.ts';
import type { Model } from './model.ts';

/** One question that can be put to an incident's host. */
export interface Question {
  /** The probe, and what it is about. */
  readonly id: string;
  readonly probe: ProbeId;
  readonly name: string;
  /** For people: what the name stands for, where it is a number. */
  readonly label: string;
  readonly what: string;
}

interface Subject {
  readonly name: string;
  readonly label: string;
}

/** What of this kind the evidence names: a probe is about that, and never about what somebody typed. */
function subjects(incident: Incident, about: ProbeSubject): readonly Subject[] {
  if (about === 'nothing') return [{ name: '', label: '' }];
  const kinds: readonly string[] = about === 'folder' ? ['folder', 'mount'] : [about];
  const found = (incident.evidence?.entities ?? []).filter(({ kind }) => kinds.includes(kind));
  const named = found.map(({ value, process }) => ({
    name: value,
    label: process === undefined ? value : `${process.comm} (${value})`,
  }));
  return named.filter(({ name }, i) => named.findIndex((one) => one.name === name) === i);
}

/** Every question about this incident, those about what the evidence names first. */
export function questions(model: Pick<Model, 'incident' | 'ui'>): readonly Question[] {
  const { incident, ui } = model;
  if (incident === undefined) return [];
  const all = PROBE_IDS.flatMap((probe) =>
    subjects(incident, PROBES[probe].about).map(
      ({ name, label }): Question => ({ id: `${probe} ${name}`, probe, name, label, what: PROBES[probe].what }),
    ),
  );
  const good = matches(ui.filter);
  const shown = all.filter(({ probe, label, what }) => good(`${probe} ${label} ${what}`.toLowerCase()));
  return [...shown.filter(({ name }) => name !== ''), ...shown.filter(({ name }) => name === '')];
}
