import { visible } from '../visible.ts';
import type { Answer, Comparison } from './compare.ts';
import type { Replayed, ReplayedPart } from './replay.ts';

/** A replayed decision for people: a line for each part, then what is another now than it was then. */
export function replayedLines(id: string, { plan, same, parts, changed }: Replayed): readonly string[] {
  return [
    `${visible(id)}: plan ${visible(plan)}, ${same ? 'the same byte for byte' : 'not the same'}`,
    ...parts.flatMap(partLines),
    ...changed.map(({ what, was, is }) => `  ${what.padEnd(12)} was ${short(was)}, is ${short(is)}`),
  ];
}

function partLines({ part, same, difference, why }: ReplayedPart): readonly string[] {
  const name = `  ${visible(part).padEnd(12)}`;
  if (same === true) return [`${name} same`];
  if (difference === undefined) return [`${name} ${same === null ? 'not made again: ' : ''}${visible(why ?? '')}`];
  const { at, was, is } = difference;
  return [`${name} differs at ${visible(at)}`, `    was: ${visible(was)}`, `    is:  ${visible(is)}`];
}

/** Two answers to the same past, one below the other. */
export function comparedLines(id: string, { was, is, alone, notes, same }: Comparison): readonly string[] {
  return [
    `${visible(id)}: ${same ? 'decided alike' : 'decided otherwise'}`,
    ...answerLines('then', was),
    ...answerLines('now', is),
    ...(alone === null
      ? []
      : [
          `  by itself  ${visible(alone.by)} says ${visible(alone.class)}, ${alone.confidence.toFixed(2)}: ${visible(alone.root_cause)}`,
        ]),
    ...notes.map((note) => `  note       ${visible(note)}`),
  ];
}

function answerLines(when: string, answer: Answer): readonly string[] {
  const { by, confidence, root_cause, playbook, commands, needs_human, ms } = answer;
  const about = `${visible(answer.class)}, ${confidence.toFixed(2)}, ${visible(playbook ?? 'no playbook')}${needs_human ? ', a person is needed' : ''}`;
  return [
    `  ${when.padEnd(10)} ${visible(by)} in ${Math.round(ms)} ms: ${about}`,
    `             ${visible(root_cause)}`,
    ...commands.map(({ command, verdict }) => `             ${visible(verdict).padEnd(6)} ${visible(command)}`),
  ];
}

/** The first characters of a hash, or of a text. */
const short = (text: string): string => (/^[0-9a-f]{64}$/.test(text) ? text.slice(0, 16) : visible(text.slice(0, 80)));
