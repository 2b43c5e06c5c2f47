import { type Wordings, wordings } from './cause.ts';
import type { Split } from './names.ts';
import type { Random } from './random.ts';

/** How programs frame what they say. `{text}` is the message itself. */
export const FRAMES: Wordings = wordings(
  5,
  '[ERROR|WARN|error|Error|ERR|CRITICAL|warning][:| -|] {text}',
  '[[error]|[warn]|[E]|<err>|(main)] {text}',
  'level=[error|warn|info] msg="{text}"',
  '{"level":"[error|warn|50]","msg":"{text}"}',
  '2026[/|-]0[1|2|3|4][/|-]1[1|4|7|9] 0[1|4|9]:1[2|5|8]:2[0|3|6] {text}',
  '[[main]|[worker-{n}]|[pool-{n}]|#{n}] {text}',
  '[core|io|net|job|app].[c|go|py|rs]:{n}: {text}',
  '{text} (attempt {n})',
  '{text}[.|!| [{n}]|; retrying|, giving up]',
  'lvl=err t={n} {text}',
  'E! {text}',
  '[svc {n}] ERROR {text}',
  'time={n} severity=error text="{text}"',
  '{text} -- code {n}',
);

const PREFIX = /^\{(?:svc|other)\}: /;
const FRAMED = 0.5;

/** Half of what a program says comes in a frame; lines of the kernel and of systemd have their own form already. */
export function framed(wording: string, split: Split, random: Random): string {
  const prefix = PREFIX.exec(wording)?.[0];
  if (prefix === undefined || !random.chance(FRAMED)) return wording;
  return prefix + random.pick(FRAMES[split]).replace('{text}', () => wording.slice(prefix.length));
}
