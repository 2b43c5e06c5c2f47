import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Console, EXIT, readArguments, UsageError } from '../broker/command-line.ts';
import { stateFolder } from '../broker/state-folder.ts';
import { actingOperator } from '../hub/acts/acting.ts';
import { tourMemory } from './tour-memory.ts';

export const TUI_USAGE = `sentinel tui [--state DIR] [--readonly] [--key FILE] [--keys FILE] [--bell] [--plain]
  The operator's screen over the state folder of a hub on this machine; reads on while the hub is down.
  --readonly   only looks: nothing can be approved, rejected or asked from this screen
  --key FILE   your key as an operator, or FILE.pub of one that your ssh-agent holds (default: the local operator's)
  --keys FILE  your own keys (default ~/.config/sentinel/keys.yaml, where there is one); docs/screen.md
  --bell       rings the terminal's bell when an incident begins to wait for a person
  --plain      lines instead of a screen, for screen readers and scripts
  for example: sentinel tui --state /var/lib/sentinel-hub`;

/** Where an operator's own keys lie unless they say otherwise: they are theirs, not the site's. */
export const keysFile = (env: NodeJS.ProcessEnv): string =>
  join(env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'sentinel', 'keys.yaml');

export async function tuiCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values } = readArguments(
    argv,
    {
      state: { type: 'string', default: './.sentinel' },
      readonly: { type: 'boolean', default: false },
      key: { type: 'string' },
      keys: { type: 'string' },
      bell: { type: 'boolean', default: false },
      plain: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    TUI_USAGE,
  );
  if (values.help) {
    io.stdout(TUI_USAGE);
    return EXIT.done;
  }
  const state = stateFolder(values.state);
  const { openDesk } = await import('./store-desk.ts');
  const operator = await actingOperator(state, values.key);
  if (values.plain) {
    const { runPlain } = await import('./plain.ts');
    const desk = openDesk(state, '', operator);
    try {
      await runPlain(desk, io, { readOnly: values.readonly });
      return EXIT.done;
    } finally {
      await desk.close();
    }
  }
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw new UsageError(
      'the screen needs a terminal: use `sentinel tui --plain`, or `sentinel incident list` in scripts',
    );
  }
  const { readKeys } = await import('./keymap.ts');
  if (values.keys !== undefined && !existsSync(values.keys)) throw new UsageError(`there is no file ${values.keys}`);
  const keys = readKeys(values.keys ?? keysFile(process.env));
  const { runTui } = await import('./main.ts');
  const desk = openDesk(state, '', operator);
  try {
    const tour = values.readonly ? {} : { tour: tourMemory(process.env) };
    const { stdin, stdout } = process;
    await runTui(desk, { stdin, stdout, keys, readOnly: values.readonly, bell: values.bell, ...tour });
    return EXIT.done;
  } finally {
    await desk.close();
  }
}
