import { redact } from '../../broker/redact.ts';
import { viewOfIncident } from '../../broker/views.ts';
import type { Incident } from '../incident.ts';
import type { Route } from './channels.ts';

/** What a template may name. */
export const TEMPLATE_FIELDS = [
  'id',
  'site',
  'host',
  'title',
  'severity',
  'state',
  'reason',
  'owner',
  'cause',
  'playbook',
  'opened',
] as const;
type Field = (typeof TEMPLATE_FIELDS)[number];

/** One value is cut here, and the whole text there: a message is read on a telephone. */
const VALUE_MAX = 300;
const TEXT_MAX = 2_000;

const PLACE = /\{([^{}]*)\}/g;

/** Whether a template names only what there is. */
export const isTemplate = (template: string): boolean =>
  [...template.matchAll(PLACE)].every(([, name = '']) => TEMPLATE_FIELDS.some((field) => field === name));

/** What is told of one incident, before it is put into a channel's form. */
export interface Notice {
  readonly id: string;
  readonly site: string;
  readonly incident: Incident;
}

const NOT_KNOWN = 'not known yet';

/** Values that hosts, models or people chose are redacted once more and cut; what stands in them is data. */
const clean = (text: string): string => redact(text, VALUE_MAX).trim();

function valuesOf({ site, incident }: Notice): Readonly<Record<Field, string>> {
  const { id, host, title, severity, state, reason, owner, plan, opened } = incident;
  return {
    id,
    site,
    host,
    title: clean(title),
    severity,
    state,
    reason: clean(reason),
    owner: clean(owner),
    cause: clean(plan?.root_cause ?? NOT_KNOWN),
    playbook: clean(plan?.playbook ?? 'none'),
    opened: new Date(opened).toISOString(),
  };
}

/** Words of our own, from closed sets: they need no quotes. */
const OURS: ReadonlySet<Field> = new Set(['id', 'severity', 'state', 'opened']);

function fill(template: string, values: Readonly<Record<Field, string>>, quote: (text: string) => string): string {
  const text = template.replace(PLACE, (whole, name: string) => {
    const field = TEMPLATE_FIELDS.find((one) => one === name);
    if (field === undefined) return whole;
    return OURS.has(field) ? values[field] : quote(values[field]);
  });
  if (text.length <= TEXT_MAX) return text;
  const cut = text.slice(0, TEXT_MAX - 2);
  // A cut inside a code span would leave the rest of it to be read as a mention or a link.
  return (cut.split('`').length - 1) % 2 === 1 ? `${cut}\`…` : `${cut}…`;
}

/**
 * A value in a chat message stands in a code span: there no chat program looks for mentions (`@channel`, `<!here>`),
 * links or pictures, which its readers' clients would fetch.
 */
const inCode = (text: string): string =>
  text === ''
    ? ''
    : `\`${text.replace(/`/g, "'").replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')}\``;

/** The body for this channel: JSON in each. What a program reads has the fields; a chat has the text alone. */
export function bodyOf(kind: Route['kind'], template: string, notice: Notice): string {
  const values = valuesOf(notice);
  if (kind === 'slack') return JSON.stringify({ text: fill(template, values, inCode) });
  const { id, site, incident } = notice;
  const { title, owner, reason, cause, playbook } = values;
  const { plan, recurrence } = incident;
  return JSON.stringify({
    v: 1,
    kind: 'incident',
    id,
    site,
    text: fill(template, values, (text) => text),
    incident: {
      ...viewOfIncident({ ...incident, title, owner, reason }),
      cause: plan === null ? null : cause,
      playbook: plan === null ? null : playbook,
      decision: plan?.decision ?? null,
      recurrence: recurrence ?? 1,
    },
  });
}

/** What `sentinel notify test` sends. */
export function testBodyOf(kind: Route['kind'], id: string, site: string): string {
  const text = `This is a test of the site ${site}: nothing is wrong.`;
  return JSON.stringify(kind === 'slack' ? { text } : { v: 1, kind: 'test', id, site, text });
}
