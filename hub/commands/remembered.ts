import { type Console, EXIT, UsageError } from '../../broker/command-line.ts';
import type { Roster } from '../../broker/messages.ts';
import { openRemembered, REMEMBER } from '../../broker/remembered.ts';
import type { StateFolder } from '../../broker/state-folder.ts';
import { actingOperator } from '../acts/acting.ts';
import { askHub } from '../acts/client.ts';
import { rememberedLines } from '../automation/remember.ts';
import { allRemembered, type ReadRemembered } from '../automation/remembered.ts';
import type { Store } from '../store/store.ts';

/** Lists the approvals that are or were remembered, with how often each was used. */
export function listRemembered(store: Store, roster: Roster, json: boolean, io: Console): number {
  const now = Date.now();
  for (const one of allRemembered(store)) {
    const { rule, uses, last, revoked } = one;
    const state = stateOf(one, roster, now);
    if (json) {
      io.stdout(JSON.stringify({ ...rule, state, uses, last: last ?? null, revoked: revoked ?? null }));
      continue;
    }
    const used = last === undefined ? '' : `, last for ${last.incident} at ${new Date(last.at).toISOString()}`;
    const ended = revoked === undefined ? '' : ` by ${revoked.by}`;
    io.stdout(`${rule.id}  ${state}${ended}  used ${uses} times${used}`);
    for (const line of rememberedLines(rule)) io.stdout(`  ${line}`);
  }
  return EXIT.done;
}

function stateOf({ rule, signed, revoked }: ReadRemembered, roster: Roster, now: number): string {
  if (revoked !== undefined) return 'revoked';
  if (now >= Math.min(rule.not_after, rule.made + REMEMBER.days * 86_400_000)) return 'lapsed';
  try {
    openRemembered(signed, roster);
    return 'active';
  } catch {
    return 'without its signer';
  }
}

/** Ends one before its day. The hub does it, and tells every agent. */
export async function revokeRemembered(
  from: { readonly state: StateFolder; readonly store: Store },
  id: string,
  key: string | undefined,
  io: Console,
): Promise<number> {
  const wanted = id.toUpperCase();
  const isMeant = (whole: string) => whole.startsWith(wanted) || (wanted.length >= 4 && whole.endsWith(wanted));
  const matches = allRemembered(from.store).filter(({ rule }) => wanted !== '' && isMeant(rule.id));
  const [only] = matches;
  if (only === undefined)
    throw new UsageError(`no approval ${JSON.stringify(id)} is remembered: see \`sentinel automation list\``);
  if (matches.length > 1)
    throw new UsageError(`${id} is the beginning or the end of ${matches.length} of them: give more of it`);
  const operator = await actingOperator(from.state, key);
  const { ok, code, message } = await askHub(from.state, operator, { verb: 'forget', rule: only.rule.id });
  if (ok === 'yes') io.stdout(`revoked ${only.rule.id}`);
  else io.stderr(`${code ?? 'E_HUB'}: ${message ?? 'refused'}`);
  return ok === 'yes' ? EXIT.done : EXIT.no;
}
