import { type Console, EXIT, readArguments, UsageError } from '../../broker/command-line.ts';
import { readSite } from '../../broker/enroll.ts';
import { stateFolder } from '../../broker/state-folder.ts';
import { ulid } from '../../broker/ulid.ts';
import { type Channel, readChannels } from '../notify/channels.ts';
import { send } from '../notify/send.ts';
import { testBodyOf } from '../notify/words.ts';

export const NOTIFY_USAGE = `sentinel notify list [--json]
sentinel notify test [CHANNEL]     sends a test message from here, as the hub would; alone: to every channel
  Channels are named in notify.yaml of the state folder: docs/notify.md. The hub reads it when it starts.
  All take --state DIR (default ./.sentinel).
  for example: sentinel notify test ops-chat`;

export async function notifyCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values, positionals } = readArguments(
    argv,
    {
      state: { type: 'string', default: './.sentinel' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    NOTIFY_USAGE,
  );
  if (values.help) {
    io.stdout(NOTIFY_USAGE);
    return EXIT.done;
  }
  const [verb = '', name] = positionals;
  const state = stateFolder(values.state);
  const { name: site } = readSite(state);
  const channels = readChannels(state.notify);
  if (verb === 'list') {
    if (channels.length === 0) io.stderr(`no channel is named in ${state.notify}: nobody is told (docs/notify.md)`);
    return list(channels, values.json, io);
  }
  if (verb !== 'test') throw new UsageError(`no such verb: ${JSON.stringify(verb)}\n${NOTIFY_USAGE}`);
  const wanted = channels.filter((one) => name === undefined || one.name === name);
  if (wanted.length === 0)
    throw new UsageError(`no channel${name === undefined ? '' : ` ${name}`} in ${state.notify}: see docs/notify.md`);
  let code: number = EXIT.done;
  for (const channel of wanted) {
    const id = ulid();
    const sent = await send(channel, id, testBodyOf(channel.route.kind, id, site));
    if (sent.kind === 'taken') io.stdout(`${channel.name}: taken by ${channel.route.url.host}`);
    else {
      io.stderr(`${channel.name}: E_NOTIFY: ${channel.route.url.host}: ${sent.why}`);
      code = EXIT.no;
    }
  }
  return code;
}

/** The path of an address may be its secret: only the host is shown. */
function list(channels: readonly Channel[], json: boolean, io: Console): number {
  for (const { name, route, match, states } of channels) {
    const row = { name, kind: route.kind, host: route.url.host, match: match?.text ?? '', states };
    if (json) io.stdout(JSON.stringify(row));
    else io.stdout(`${name.padEnd(16)} ${row.kind.padEnd(7)} ${row.host}  ${row.match || 'all'}  ${states.join(',')}`);
  }
  return EXIT.done;
}
