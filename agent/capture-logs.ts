import type { Said, Snapshot } from '../broker/messages.ts';
import { redact } from '../broker/redact.ts';
import { LOG_LINES, linesInSystemLog } from './host-logs.ts';
import { JournalSense } from './sense/journal/journal.ts';
import { LogsSense } from './sense/logs/logs.ts';
import type { RecentLine } from './sense/recent-lines.ts';
import type { Sensor } from './sense/sensor.ts';

/** Kinds of line that a snapshot carries, and the length of each. */
const TEMPLATES = 16;
const MAX_TEMPLATE = 240;

/** Whose lines a finding is about: a declared log, or a unit, program or `kernel` of the host's own log. */
export type LogSource = { readonly log: string } | { readonly source: string } | null;

/** The last lines of what a finding is about, oldest first: as the senses remember them, else from syslog's files. */
export function lastLinesOf(about: LogSource, sensor: Sensor, root: string): Said[] {
  if (about === null) return [];
  if ('log' in about) return (sensor.find(LogsSense)?.last(about.log, LOG_LINES) ?? []).map(asSaid);
  const heard = sensor.find(JournalSense)?.lastLines(about.source, LOG_LINES) ?? [];
  return heard.length > 0 ? heard.map(asSaid) : linesInSystemLog(root, about.source);
}

/** Kinds of warning and error line with their counts: those of the declared log, else those of the host's own. */
export function logTemplatesOf(about: LogSource, sensor: Sensor): Snapshot['log_templates'] {
  const seen =
    about !== null && 'log' in about
      ? sensor.find(LogsSense)?.templates(about.log, TEMPLATES)
      : sensor.find(JournalSense)?.templates(TEMPLATES);
  return (seen ?? []).map(({ text, count }) => ({
    template: { text: redact(text, MAX_TEMPLATE), trusted: false },
    count,
  }));
}

/** The senses have redacted them already. */
const asSaid = ({ ts, text }: RecentLine): Said => ({ text: `${new Date(ts).toISOString()} ${text}`, trusted: false });
