import type { TopProcess } from '../../evidence/processes.ts';
import { plainName } from '../../evidence/words.ts';

const INTERPRETER = /^(?:python[0-9.]*|node|java|bash|dash|ash|sh|perl|ruby|php[0-9.]*)$/;
/** Options of Java whose value is a word of its own. */
const TAKES_VALUE = new Set(['-cp', '-classpath', '--class-path', '-p', '--module-path', '--add-modules']);

/** What a process runs, as people call it, in harmless characters: the script or the program of an interpreter. */
export function programOf({ process, cmd }: TopProcess): string {
  const words = cmd.text.split(/\s+/);
  const script = INTERPRETER.test(process.comm)
    ? process.comm === 'java'
      ? javaProgram(words.slice(1))
      : words.slice(1).find((word) => !word.startsWith('-'))
    : undefined;
  const path = script ?? process.comm;
  return plainName(path.slice(path.lastIndexOf('/') + 1));
}

/** The archive that Java runs, or the last part of its main class. */
function javaProgram(words: readonly string[]): string | undefined {
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    if (word === '-jar') return words[at + 1];
    if (TAKES_VALUE.has(word)) at++;
    else if (word !== '' && !word.startsWith('-')) return word.slice(word.lastIndexOf('.') + 1) || word;
  }
  return undefined;
}

/** The unit among these that runs a process, as far as its name tells: `incron.service` runs `incrond`. */
export function unitRunning(process: TopProcess, units: readonly string[]): string | undefined {
  const services = units.filter((unit) => unit.endsWith('.service'));
  const bare = (unit: string): string => unit.replace(/\.service$/, '');
  const words = [process.process.comm, programOf(process)].map((word) => word.replace(/\.[a-z]+$/, ''));
  const parts = process.cmd.text.split(/[\s/]+/);
  return (
    services.find((unit) => words.includes(bare(unit))) ??
    services.find((unit) => words.includes(`${bare(unit)}d`)) ??
    services.find((unit) => parts.includes(bare(unit)))
  );
}
