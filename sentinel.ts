#!/usr/bin/env node
import { type Console, EXIT } from './broker/command-line.ts';

/** The one front door: each command is loaded only when it is called, so that none pays for another. */
interface Command {
  readonly summary: string;
  readonly load: () => Promise<(argv: readonly string[], io: Console) => Promise<number>>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  up: {
    summary: 'hub, an agent for this host and the TUI in one: start here',
    load: async () => (await import('./tui/up.ts')).upCommand,
  },
  hub: { summary: 'run the hub', load: async () => (await import('./hub/hub-command.ts')).hubCommand },
  agent: {
    summary: 'run an agent for this host',
    load: async () => (await import('./agent/agent-command.ts')).agentCommand,
  },
  tui: { summary: 'the operator’s screen', load: async () => (await import('./tui/tui-command.ts')).tuiCommand },
  incident: {
    summary: 'list, show, approve and reject incidents',
    load: async () => (await import('./hub/incident-command.ts')).incidentCommand,
  },
  policy: {
    summary: 'check or explain a command',
    load: async () => (await import('./policy/check-command.ts')).policyCommand,
  },
  audit: { summary: 'verify the audit chain', load: async () => (await import('./hub/audit-command.ts')).auditCommand },
  detect: {
    summary: 'run the shipping detector over CSV series',
    load: async () => (await import('./agent/detect-command.ts')).detectCommand,
  },
  scenario: {
    summary: 'make a real, bounded fault on this host',
    load: async () => (await import('./agent/scenario/command.ts')).scenarioCommand,
  },
};

function usage(): string {
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}`);
  return ['sentinel COMMAND [ARGUMENT ...]', ...lines, 'Every command has --help.'].join('\n');
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

async function main(argv: readonly string[]): Promise<number> {
  const io = ioOfProcess();
  const [name = '', ...rest] = argv;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    const asked = ['--help', '-h', 'help'].includes(name);
    (asked ? io.stdout : io.stderr)(
      asked || name === '' ? usage() : `sentinel: no command ${JSON.stringify(name)}\n${usage()}`,
    );
    return asked ? EXIT.done : EXIT.usage;
  }
  try {
    const run = await command.load();
    return await run(rest, io);
  } catch (error) {
    // A coded error is for the operator; anything else is a bug, and its stack is for us.
    if (!(error instanceof Error)) throw error;
    io.stderr(
      'code' in error ? `sentinel ${name}: ${String(error.code)}: ${error.message}` : (error.stack ?? error.message),
    );
    return EXIT.usage;
  }
}

process.exitCode = await main(process.argv.slice(2));
// The commands close what they opened; a library's stray handle must not keep the operator's shell waiting.
const leave = setTimeout(() => process.exit(), 2_000);
leave.unref();
