import { type Console, EXIT, readArguments, UsageError } from '../command-line.ts';
import { CODE_SECTIONS, codeEntry, codeNames } from './all.ts';
import { codesPage } from './page.ts';

export const EXPLAIN_USAGE = `sentinel explain [CODE...] [--json | --markdown]
  Says what a code such as E_STORE_WRITE means and what to do about it; without a code, all of them. Needs no hub and no
  network. Exit 1 when there is no such code.
  --json      one JSON object a line: {"code","what","todo"}
  --markdown  the page of all codes, docs/errors.md
  for example: sentinel explain E_BROKER_PORT`;

/** A code as people type it: in small letters, or without the E_. */
const asCode = (typed: string): string => {
  const name = typed.toUpperCase();
  return name.startsWith('E_') ? name : `E_${name}`;
};

export async function explainCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values, positionals } = readArguments(
    argv,
    {
      json: { type: 'boolean', default: false },
      markdown: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    EXPLAIN_USAGE,
  );
  if (values.help) {
    io.stdout(EXPLAIN_USAGE);
    return EXIT.done;
  }
  if (values.markdown) {
    if (positionals.length > 0 || values.json) throw new UsageError(`the page has all codes\n${EXPLAIN_USAGE}`);
    io.stdout(codesPage().trimEnd());
    return EXIT.done;
  }
  if (positionals.length === 0 && !values.json) return listAll(io);
  return explain(positionals.length > 0 ? positionals.map(asCode) : codeNames(), values.json, io);
}

function explain(codes: readonly string[], json: boolean, io: Console): number {
  let exit: number = EXIT.done;
  for (const code of codes) {
    const entry = codeEntry(code);
    if (entry === undefined) {
      io.stderr(`no code ${JSON.stringify(code)}${nearest(code)}`);
      exit = EXIT.no;
    } else if (json) io.stdout(JSON.stringify({ code, ...entry }));
    else io.stdout(`${code}\n  ${entry.what}\n  -> ${entry.todo}`);
  }
  return exit;
}

function listAll(io: Console): number {
  for (const { title, codes } of CODE_SECTIONS) {
    io.stdout(title);
    for (const [code, { what }] of Object.entries(codes)) io.stdout(`  ${code.padEnd(22)}  ${what}`);
  }
  return EXIT.done;
}

/** Codes that begin with the same word: whoever typed E_STORE_FULL sees what there is about stores. */
function nearest(code: string): string {
  const word = `${code.split('_').slice(0, 2).join('_')}_`;
  const near = codeNames().filter((name) => name.startsWith(word));
  return near.length > 0 ? `; there are ${near.join(', ')}` : ': `sentinel explain` lists them';
}
