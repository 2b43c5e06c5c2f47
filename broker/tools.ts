import { filtersFor, MESH_RULES } from './acl.ts';
import { parseRequestTopic } from './requests.ts';
import { bool, type Infer, int, list, maybe, pattern, record, text } from './shape.ts';
import { ID } from './topics.ts';

/** Tools at one site: dashboards, scripts, archives. More than this is a fleet of agents under another name. */
export const TOOLS_MAX = 64;

/** A program that may listen, and ask, and do nothing else. */
export const tool = record({
  name: pattern(ID, 'an id'),
  /** SHA-256 of the secret with which it connects, in hex: the secret itself stays with who made it. */
  secret_sha256: pattern(/^[0-9a-f]{64}$/, '64 hex digits'),
  /** Serial number of its certificate, in upper-case hex, on a site whose hub is reached from other hosts. */
  serial: maybe(pattern(/^[0-9A-F]{1,40}$/, 'a serial number')),
  /** May see an incident's evidence and plan, not its summary alone. */
  evidence: bool,
  /** May read the broker's own health under `$SYS`. */
  sys: bool,
  since: int(),
  by: text(128),
});
export type Tool = Infer<typeof tool>;
export const tools = list(tool, TOOLS_MAX);

/** What a tool reads besides when that was granted. */
export const SYS_FILTER = '$SYS/#';

/** A filter is granted when every topic that it matches is matched by one that the tool may read. */
export function toolMaySubscribe(tool: Pick<Tool, 'name' | 'sys'>, filter: string): boolean {
  const granted = [...filtersFor(MESH_RULES.tool.hears, tool.name), ...(tool.sys ? [SYS_FILTER] : [])];
  return granted.some((one) => covers(one, filter));
}

/** A tool asks in its own name, and retains nothing. */
export function toolMayPublish(name: string, topic: string, retain: boolean): boolean {
  return !retain && parseRequestTopic(topic)?.client === name;
}

/** Whether `wide` matches every topic that `narrow` matches (MQTT 3.1.1 section 4.7). */
export function covers(wide: string, narrow: string): boolean {
  // A wildcard at the first level matches no topic that begins with $.
  if (narrow.startsWith('$') !== wide.startsWith('$')) return false;
  const outer = wide.split('/');
  const inner = narrow.split('/');
  for (const [i, level] of outer.entries()) {
    if (level === '#') return true;
    const other = inner[i];
    if (other === undefined || other === '#') return false;
    if (level !== '+' && level !== other) return false;
  }
  return outer.length === inner.length;
}
