import type { Entity } from './evidence.ts';

/**
 * The strict character sets of the names that a command may carry (invariant 8). A name that falls outside is shown
 * as evidence and never becomes an entity: so nothing that a file system or a process table holds can bend a command.
 */
const SEGMENT = '[A-Za-z0-9_][A-Za-z0-9._@+-]*|\\.[A-Za-z0-9_][A-Za-z0-9._@+-]*';
const PATH = new RegExp(`^/$|^(?:/(?:${SEGMENT}))+$`);
const NAMES: Readonly<Record<Entity['kind'], RegExp>> = {
  process: /^[1-9][0-9]{0,6}$/,
  unit: /^[A-Za-z0-9_][A-Za-z0-9:_.@-]{0,127}\.(?:service|timer|socket|mount|target|slice|scope|path)$/,
  mount: PATH,
  folder: PATH,
  container: /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/,
  host: /^[a-z0-9][a-z0-9-]{0,47}$/,
};

/** Longest path that a command may carry: deeper ones are real but no playbook needs them. */
const MAX_PATH = 512;

/** Pids 1 and 2 are the init process and the kernel: no plan may ever name them. */
const FIRST_PID = 3;

/** Whether `value` may stand in a command as a name of this kind. */
export function isSafeName(kind: Entity['kind'], value: string): boolean {
  if (value.length > MAX_PATH || !NAMES[kind].test(value)) return false;
  return kind !== 'process' || Number(value) >= FIRST_PID;
}

/** Splits `disk.used_percent[/var]` into the metric and what it is about; null label when there is none. */
export function splitMetric(metric: string): { readonly base: string; readonly label: string | null } {
  const open = metric.indexOf('[');
  if (open < 0 || !metric.endsWith(']')) return { base: metric, label: null };
  return { base: metric.slice(0, open), label: metric.slice(open + 1, -1) };
}

/** Whether a metric's name and label hold nothing but harmless characters, as the agent's own names do. */
export function isPlainMetric(metric: string): boolean {
  const { base, label } = splitMetric(metric);
  return /^[a-z0-9_.]*$/.test(base) && (label === null || /^[A-Za-z0-9_./@+-]{1,128}$/.test(label));
}
