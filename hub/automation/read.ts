import type { AutomationRule } from '../../broker/automation-rule.ts';
import type { Store } from '../store/store.ts';
import { BREAKER_OPEN_MS, openedBreakers } from './breaker.ts';
import { BUDGET_MS } from './budget.ts';
import { fileRules } from './follow-rules.ts';
import { rememberedLines } from './remember.ts';
import { allRemembered } from './remembered.ts';
import { steadyNow } from './steady-time.ts';

/** What ran with nobody there, for a reader beside the hub. */
export interface AutomationRead {
  /** Plans that ran alone within the hour, by host. */
  readonly spent: readonly { readonly host: string; readonly plans: number }[];
  readonly breakers: readonly {
    readonly of: 'host' | 'playbook';
    readonly name: string;
    readonly incident: string;
    /** Milliseconds. */
    readonly closesIn: number;
  }[];
  /** Approvals that are remembered and count by now. */
  readonly remembered: readonly RememberedRead[];
  /** Rules of `automation.yaml` that are in force, by name. */
  readonly written: readonly { readonly name: string; readonly by: string; readonly until: number }[];
}

export interface RememberedRead {
  readonly id: string;
  readonly by: string;
  readonly playbook: string;
  readonly hosts: readonly string[];
  readonly until: number;
  /** Plans that ran by it, and when the last one did. */
  readonly uses: number;
  readonly last: number | null;
  /** The rule whole, for people. */
  readonly lines: readonly string[];
}

/** Reads budgets and breakers as they stand; `uptime` is the machine's, in milliseconds. Writes nothing. */
export function readAutomation(store: Store, uptime: number, clock: number = Date.now()): AutomationRead {
  const now = steadyNow(store, uptime);
  const plans = new Map<string, number>();
  for (const { key, value } of store.alone.getRange({})) {
    const [host] = key;
    if (value > now - BUDGET_MS) plans.set(host, (plans.get(host) ?? 0) + 1);
  }
  const breakers = openedBreakers(store).flatMap(({ of, name, at, incident }) => {
    const closesIn = at + BREAKER_OPEN_MS - now;
    return closesIn > 0 ? [{ of, name, incident, closesIn }] : [];
  });
  const remembered = allRemembered(store).flatMap(({ rule, uses, last, revoked }): RememberedRead[] => {
    const { id, by, playbook, hosts, not_after: until } = rule;
    if (revoked !== undefined || until <= clock) return [];
    return [{ id, by, playbook, hosts, until, uses, last: last?.at ?? null, lines: rememberedLines(rule) }];
  });
  const written = fileRules(store).flatMap(({ name = '', by, not_after: until }) =>
    until <= clock ? [] : [{ name, by, until }],
  );
  return { spent: [...plans].map(([host, n]) => ({ host, plans: n })), breakers, remembered, written };
}

/** What a rule is bounded to, in words; empty where it covers everything. */
export function scopeOf({
  classes,
  hosts,
  tags,
  windows,
}: Pick<AutomationRule, 'classes' | 'hosts' | 'tags' | 'windows'>): string {
  const part = (name: string, values: readonly string[]) =>
    values.length === 0 ? [] : [`${name} ${values.join(' ')}`];
  const hours = windows.map(
    ({ days, from, to }) => `${days.map((day) => DAYS[day]).join(' ')} ${clock(from)}-${clock(to)}`,
  );
  return [...part('hosts', hosts), ...part('tags', tags), ...part('classes', classes), ...part('UTC', hours)].join(
    '; ',
  );
}

const DAYS = ['Su', 'Mo', 'Tu', 'We', 'Th', 'Fr', 'Sa'] as const;
const two = (value: number) => String(value).padStart(2, '0');
const clock = (minutes: number) => `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
