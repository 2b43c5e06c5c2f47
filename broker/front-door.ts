import { type Console, EXIT } from './command-line.ts';

/** One command: what it is for in a line, and how its module is loaded when it is called. */
interface Command {
  readonly summary: string;
  readonly load: () => Promise<(argv: readonly string[], io: Console) => Promise<number>>;
}

export type Commands = Readonly<Record<string, Command>>;

/** Commands close what they opened; a library's stray handle must not keep the operator's shell waiting longer. */
const LEAVE_MS = 2_000;

/** Runs the command that this process was started with, and sets its exit code. `program` is what usage calls it. */
export async function frontDoor(program: string, commands: Commands): Promise<void> {
  process.exitCode = await run(program, commands, process.argv.slice(2));
  const leave = setTimeout(() => process.exit(), LEAVE_MS);
  leave.unref();
}

async function run(program: string, commands: Commands, argv: readonly string[]): Promise<number> {
  const [name = '', ...rest] = asked(argv);
  const io = ioOfProcess();
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    const usage = usageOf(program, commands);
    const wantsHelp = ['--help', '-h', 'help'].includes(name);
    (wantsHelp ? io.stdout : io.stderr)(
      wantsHelp || name === '' ? usage : `${program}: no command ${JSON.stringify(name)}\n${usage}`,
    );
    return wantsHelp ? EXIT.done : EXIT.usage;
  }
  try {
    const act = await command.load();
    return await act(rest, io);
  } catch (error) {
    // A coded error is for the operator; anything else is a bug, and its stack is for us.
    if (!(error instanceof Error)) throw error;
    io.stderr(
      'code' in error ? `${program} ${name}: ${String(error.code)}: ${error.message}` : (error.stack ?? error.message),
    );
    return EXIT.usage;
  }
}

/** `help COMMAND` is `COMMAND --help`, and `help E_CODE` is `explain E_CODE`. */
function asked(argv: readonly string[]): readonly string[] {
  const [name, about] = argv;
  if (name !== 'help' || about === undefined) return argv;
  return about.startsWith('E_') ? ['explain', ...argv.slice(1)] : [about, '--help'];
}

function usageOf(program: string, commands: Commands): string {
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}`);
  return [`${program} COMMAND [ARGUMENT ...]`, ...lines, 'Every command has --help.'].join('\n');
}

function ioOfProcess(): Console {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
  // A reader that has gone away (`| head`) is no error of ours.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  return {
    stdout: (line) => void process.stdout.write(`${line}\n`),
    stderr: (line) => void process.stderr.write(`${line}\n`),
    stdin: process.stdin,
    signal: stop.signal,
  };
}
