import { plainName } from '../../evidence/words.ts';
import { command, type Found, type KnownCause, unitLog, unitStatus } from './cause.ts';
import { failing, TARGET } from './failing.ts';
import { speakerOf } from './refused.ts';
import type { Line, Signs } from './signs.ts';

type Commands = Found['commands'];

/** Who says it, and what its line tells. */
export interface Said {
  /** The unit or program, or `The kernel`. */
  readonly who: string;
  /** What the pattern's groups caught, in harmless characters. */
  readonly groups: readonly string[];
  /** The other side of a connection, as the line names it; empty where it names none. */
  readonly to: string;
  readonly signs: Signs;
}

/** A trouble that a program or the kernel states in words that have one reading, and what these words mean. */
export interface Saying {
  readonly id: string;
  readonly class: string;
  /** The words, in the variants of programs and versions. */
  readonly words: RegExp;
  /** Lines with which these words mean something else. */
  readonly unless?: RegExp;
  /** Metrics or signals that it accounts for: where none of them is out of bounds and who says it is not in trouble, it is one thing among others. */
  readonly explains: RegExp;
  readonly means: (said: Said) => string;
  /** What a change has to speak of to be why. */
  readonly after?: readonly string[];
  readonly looks?: (said: Said) => Commands;
  /** What mends it; absent where a person decides what to do. */
  readonly mends?: (said: Said) => Commands;
}

/** Playbooks that only start it once more, or look for a reason that the line gives already. */
const ASKS_WHY = [
  'service-failed',
  'crash-loop',
  'bad-upgrade',
  'config-error',
  'permission-denied',
  'container-restart-loop',
  'container-unhealthy',
  'endpoint-down',
  'new-error',
  'kernel-fault',
  'database-down',
  'runaway-process',
  'cpu-saturation',
];

const dmesg = command('dmesg -T --level warn', 'Shows what the kernel said, and when.');
const journal = command('journalctl -p warning -n 50 --no-pager', 'Shows what the host complained of lately.');

/** The name at the beginning of a line. */
const fromOf = (text: string): string | undefined => /^(?:\d+ times: )?([A-Za-z][\w@.-]{1,60})[:/[]/.exec(text)?.[1];

/** Who said a line: the unit, else the program by its name, else who is in trouble. */
export function sayer(
  signs: Signs,
  line: Pick<Line, 'text'>,
): { readonly who: string; readonly unit: string | undefined } {
  const from = fromOf(line.text);
  if (from === 'kernel') return { who: 'The kernel', unit: undefined };
  const unit = speakerOf(signs, line.text);
  if (unit !== undefined) return { who: unit, unit };
  const it = failing(signs);
  const named = from === undefined || /^systemd/.test(from) ? undefined : plainName(from);
  return { who: named ?? it?.name ?? 'A program', unit: signs.unit };
}

/** How to look at who said something. */
export const lookAt = (unit: string | undefined, isKernel: boolean): Commands =>
  isKernel ? [dmesg] : unit === undefined ? [journal] : [unitLog(unit), unitStatus(unit)];

const MOST = 5;

export const sayingCause = (saying: Saying): KnownCause => ({
  id: saying.id,
  class: saying.class,
  find: (signs) => {
    const line = signs.says(saying.words);
    if (line === undefined || (saying.unless !== undefined && signs.says(saying.unless) !== undefined)) return null;
    const { who, unit } = sayer(signs, line);
    const isKernel = who === 'The kernel';
    const all = signs.metrics(/./);
    // Beside what runs short on the host itself another alert, which it does explain, does not make it the reason.
    const explained = (signs.isOfHost ? all.slice(0, 1) : all).some(({ name, label }) =>
      saying.explains.test(`${name} ${label ?? ''}`),
    );
    const isSubject = unit !== undefined && unit === signs.unit;
    const to = TARGET.exec(line.text)?.[1] ?? '';
    const said: Said = { who, groups: line.groups, to, signs };
    const change = signs.since(...(saying.after ?? []), isKernel ? undefined : who, ...line.groups, to);
    const mends = saying.mends?.(said) ?? [];
    const looks = [...lookAt(unit, isKernel), ...(saying.looks?.(said) ?? [])];
    const isSure = explained || isSubject || signs.isAbout('log.errors', 'log.new_error');
    return {
      sentence: `${saying.means(said)}${change.words}.`,
      evidence: [line.id, ...signs.main, ...change.ids],
      commands: [...looks.slice(0, MOST), ...mends],
      sure: isSure ? 'decisive' : 'likely',
      ...(mends.length > 0 ? {} : { person: true as const }),
      ...(isSure ? { futile: ASKS_WHY } : {}),
    };
  },
});
