import { StringDecoder } from 'node:string_decoder';
import type { PolicyIo } from './check-command.ts';
import type { Policy } from './policy.ts';
import type { Inventory } from './verdict.ts';

/** A line past this is answered from its beginning, so that no input costs memory without end. */
const LINE = 4_194_304;

/** Judges every line of standard input, in order. Exit code 1 when any is not allowed. */
export async function checkLines(policy: Policy, inventory: Inventory | null, io: PolicyIo): Promise<number> {
  let number = 0;
  let refused = false;
  const answer = (line: string) => {
    const { line: out, allowed } = checkLine(policy, inventory, line, ++number);
    refused ||= !allowed;
    io.stdout(out);
  };
  for await (const line of lines(io.stdin)) answer(line);
  return refused ? 1 : 0;
}

/** One input line, a command or `{"id","cmd"}`, to one JSON line. A plain line's id is its number. */
export function checkLine(
  policy: Policy,
  inventory: Inventory | null,
  line: string,
  number: number,
): { line: string; allowed: boolean } {
  const { id, cmd } = readLine(line) ?? { id: number, cmd: line };
  const verdict = policy.check(cmd, inventory);
  const out = {
    id,
    verdict: verdict.decision,
    rule: verdict.rule,
    effect: verdict.effect,
    reason: verdict.reason,
    program: verdict.program,
  };
  return { line: JSON.stringify(out), allowed: verdict.decision === 'allow' };
}

/** Null when the line is no request in JSON: then it is a command, whatever it begins with. */
function readLine(line: string): { id: unknown; cmd: string } | null {
  if (!line.trimStart().startsWith('{')) return null;
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null || !('cmd' in value) || typeof value.cmd !== 'string') return null;
    return { id: 'id' in value ? value.id : null, cmd: value.cmd };
  } catch {
    return null;
  }
}

/** Splits at line feeds only: a carriage return belongs to the command, as it does for a shell. */
async function* lines(input: AsyncIterable<Buffer | string>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let rest: string[] = [];
  let held = 0;
  for await (const chunk of input) {
    const parts = (typeof chunk === 'string' ? chunk : decoder.write(chunk)).split('\n');
    for (const [i, part] of parts.entries()) {
      if (held < LINE) rest.push(part);
      held += part.length;
      if (i === parts.length - 1) break;
      yield rest.join('');
      rest = [];
      held = 0;
    }
  }
  const tail = rest.join('') + decoder.end();
  if (tail !== '') yield tail;
}
