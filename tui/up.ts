import { createWriteStream } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { AGENT_NODE_FLAGS } from '../agent/node-flags.ts';
import { type Console, EXIT, readArguments } from '../broker/command-line.ts';
import { claim, prepareFolder, StateError, type StateFolder, stateFolder } from '../broker/state-folder.ts';
import { idFromHostname } from '../broker/topics.ts';
import { Child, ChildError, type Ready } from './child.ts';
import type { Keymap } from './keymap.ts';
import { tourMemory } from './tour-memory.ts';
import { keysFile } from './tui-command.ts';

export const UP_USAGE = `sentinel up [--state DIR] [--headless] [--live] [--model GGUF|own|none] [--port N] [--interval SECONDS]
            [--auto-approve allow-only] [--reasoner single|staged]
  Runs a hub, an agent for this host and the TUI: everything in one command. Dry run unless --live.
  --auto-approve allow-only
               run what is allowed in every command with nobody there; see sentinel hub --help
  --headless   plain log lines instead of the TUI (also when standard output is no terminal)
  --state DIR  where keys, incidents and telemetry are kept (default ./.sentinel)
  for example: sentinel up --live`;

export async function upCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values } = readArguments(
    argv,
    {
      state: { type: 'string', default: './.sentinel' },
      headless: { type: 'boolean', default: false },
      live: { type: 'boolean', default: false },
      model: { type: 'string' },
      reasoner: { type: 'string' },
      port: { type: 'string' },
      'auto-approve': { type: 'string' },
      interval: { type: 'string', default: '2' },
      help: { type: 'boolean', default: false },
    },
    UP_USAGE,
  );
  if (values.help) {
    io.stdout(UP_USAGE);
    return EXIT.done;
  }
  const headless = values.headless || !process.stdout.isTTY || !process.stdin.isTTY;
  // Before anything is started: a mistake in it is refused while there is nothing to stop.
  const keys = headless ? undefined : (await import('./keymap.ts')).readKeys(keysFile(process.env));
  const state = stateFolder(values.state);
  prepareFolder(state);
  const release = claim(state.root, 'sentinel up');
  const say = headless ? io.stdout : toFile(join(state.root, 'up.log'));
  const mode = values.live ? ['--live'] : [];
  const way = values.reasoner === undefined ? [] : ['--reasoner', values.reasoner];
  const model = [...(values.model === undefined ? [] : ['--model', values.model]), ...way];
  const alone = values['auto-approve'] === undefined ? [] : ['--auto-approve', values['auto-approve']];
  const port = values.port === undefined ? [] : ['--port', values.port];
  // Started again it takes the port that it had, which is where the agent looks for it.
  const hub = new Child(
    'hub',
    (restart) => ['--state', state.root, ...model, ...mode, ...alone, ...(restart ? [] : port)],
    say,
  );
  const children = [hub];
  try {
    const { host = '127.0.0.1', port: got, wanted } = await started(hub);
    const id = idFromHostname(hostname());
    const broker = ['--broker', `mqtt://${host}:${got}`];
    const agent = new Child(
      'agent',
      () => ['--state', state.root, ...broker, '--id', id, '--interval', values.interval, ...mode],
      say,
      ['--enable-source-maps', ...AGENT_NODE_FLAGS],
    );
    children.push(agent);
    await started(agent);
    const moved = wanted === got || wanted === 0 ? '' : ` Port ${wanted} is occupied: the broker listens on ${got}.`;
    const told = notice(values.live, alone.length > 0, id) + moved;
    say(`up    ${told}`);
    if (keys === undefined) await aborted(io.signal);
    else await showTui(state, told, keys, io);
    return EXIT.done;
  } finally {
    // The agent first: it says goodbye to the hub.
    for (const child of children.toReversed()) await child.stop();
    release();
  }
}

/** What this installation may and may not do, and the one command that changes it. */
function notice(live: boolean, alone: boolean, agent: string): string {
  const identity =
    process.geteuid?.() === 0 ? 'as root' : 'as an ordinary user: it can act on that user’s processes only';
  if (!live)
    return `DRY-RUN: nothing is changed on ${agent}; what you approve is checked and recorded. npm start -- --live lets it act, ${identity}.`;
  return alone
    ? `LIVE: plans whose every command is allowed run on ${agent} with nobody asked, ${identity}. Ctrl-C and start without --auto-approve to be asked each time.`
    : `LIVE: what you approve runs on ${agent} now, ${identity}. Ctrl-C and start without --live to make it a dry run.`;
}

async function started(child: Child): Promise<Ready> {
  try {
    return await child.start();
  } catch (error) {
    if (!(error instanceof ChildError)) throw error;
    throw new StateError(error.message.includes('E_RUNNING') ? 'E_RUNNING' : 'E_STATE_BROKEN', error.message);
  }
}

/** While the TUI owns the terminal, what hub and agent say goes to a file. */
function toFile(file: string): (line: string) => void {
  const stream = createWriteStream(file, { flags: 'a', mode: 0o640 });
  stream.on('error', () => {});
  return (line) => void stream.write(`${new Date().toISOString()} ${line}\n`);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

async function showTui(state: StateFolder, told: string, keys: Keymap, io: Console): Promise<void> {
  const { openDesk } = await import('./store-desk.ts');
  const { runTui } = await import('./main.ts');
  const desk = openDesk(state, told);
  try {
    const tour = tourMemory(process.env);
    const options = { stdin: process.stdin, stdout: process.stdout, keys, tour };
    await Promise.race([runTui(desk, options), aborted(io.signal)]);
  } finally {
    await desk.close();
  }
}
