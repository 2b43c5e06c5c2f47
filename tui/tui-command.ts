import { type Console, EXIT, readArguments, UsageError } from '../broker/command-line.ts';
import { stateFolder } from '../broker/state-folder.ts';

export const TUI_USAGE = `sentinel tui [--state DIR]
  The operator's screen over the state folder of a hub on this machine; reads on while the hub is down.
  for example: sentinel tui --state /var/lib/sentinel-hub`;

export async function tuiCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values } = readArguments(
    argv,
    { state: { type: 'string', default: './.sentinel' }, help: { type: 'boolean', default: false } },
    TUI_USAGE,
  );
  if (values.help) {
    io.stdout(TUI_USAGE);
    return EXIT.done;
  }
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw new UsageError('the screen needs a terminal: use `sentinel incident list` in scripts');
  }
  const { openDesk } = await import('./store-desk.ts');
  const { runTui } = await import('./main.ts');
  const desk = openDesk(stateFolder(values.state), '');
  try {
    await runTui(desk, { stdin: process.stdin, stdout: process.stdout });
    return EXIT.done;
  } finally {
    await desk.close();
  }
}
