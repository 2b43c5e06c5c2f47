import { type Console, EXIT, readArguments, UsageError } from '../../broker/command-line.ts';
import { readSite } from '../../broker/enroll.ts';
import { type StateFolder, stateFolder } from '../../broker/state-folder.ts';
import { ID } from '../../broker/topics.ts';
import { actingOperator } from '../acts/acting.ts';
import { type Act, askHub } from '../acts/client.ts';
import { TOKEN_HOURS } from '../site/enrollment.ts';
import { Store } from '../store/store.ts';
import { enrollTool } from '../tools/enroll.ts';
import { readTools } from '../tools/tools.ts';

export const ENROLL_USAGE = `sentinel enroll HOST [--hours N] [--at HOST:PORT]
sentinel enroll --tool NAME [--evidence] [--sys] [--out FILE]
sentinel enroll --revoke HOST|TOOL
sentinel enroll --list [--json]
  Prints a join token for a host: it counts once, for --hours (default ${TOKEN_HOURS.usual}, at most ${TOKEN_HOURS.most}), and names the hub and the site's root.
  --at      where the host reaches the hub's enrolment port, when the site's first address is not it
  --revoke  ends an agent's certificates and cuts its connection; it can be enrolled again
  --tool    takes on a program that may listen (view/1/#) and ask (hub/req/NAME/#), and nothing else; writes the file
            with which it connects (docs/tools.md)
  --evidence  it may ask for an incident's evidence and plan;  --sys  it may read the broker's health under $SYS
  All take --state DIR (default ./.sentinel); the hub must run, and you must be an admin.
  for example: sentinel enroll web-1     then, on web-1: sentinel agent --join TOKEN`;

export async function enrollCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values, positionals } = readArguments(
    argv,
    {
      state: { type: 'string', default: './.sentinel' },
      key: { type: 'string' },
      hours: { type: 'string', default: String(TOKEN_HOURS.usual) },
      at: { type: 'string' },
      revoke: { type: 'string' },
      tool: { type: 'string' },
      evidence: { type: 'boolean', default: false },
      sys: { type: 'boolean', default: false },
      out: { type: 'string' },
      list: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    ENROLL_USAGE,
  );
  if (values.help) {
    io.stdout(ENROLL_USAGE);
    return EXIT.done;
  }
  const state = stateFolder(values.state);
  readSite(state);
  if (values.list) return list(new Store(state.store, 'read'), values.json, io);
  if (values.tool !== undefined) return tool(state, values.tool, values, io);
  const agent = values.revoke ?? positionals[0];
  if (agent === undefined || !ID.test(agent)) throw new UsageError(`name a host: a-z, 0-9, dashes\n${ENROLL_USAGE}`);
  const hours = Number(values.hours);
  if (!Number.isInteger(hours) || hours < 1 || hours > TOKEN_HOURS.most) {
    throw new UsageError(`--hours takes a whole number from 1 to ${TOKEN_HOURS.most}`);
  }
  if (values.at !== undefined && !/^\S+:\d{1,5}$/.test(values.at)) throw new UsageError('--at takes HOST:PORT');
  const act: Act =
    values.revoke === undefined
      ? { verb: 'enroll', agent, hours, ...(values.at === undefined ? {} : { at: values.at }) }
      : { verb: 'revoke', agent };
  const answer = await askHub(state, await actingOperator(state, values.key), act);
  if (answer.ok === 'no') {
    io.stderr(`${answer.code ?? 'E_HUB'}: ${answer.message ?? 'refused'}`);
    return EXIT.no;
  }
  io.stdout(answer.text ?? `revoked ${agent}`);
  return EXIT.done;
}

function tool(
  state: StateFolder,
  name: string,
  { evidence, sys, out }: { readonly evidence: boolean; readonly sys: boolean; readonly out?: string | undefined },
  io: Console,
): Promise<number> {
  if (!ID.test(name)) throw new UsageError(`--tool takes a name of a-z, 0-9 and dashes\n${ENROLL_USAGE}`);
  return enrollTool(state, name, { evidence, sys, ...(out === undefined ? {} : { out }) }, io);
}

async function list(store: Store, json: boolean, io: Console): Promise<number> {
  try {
    const at = (ms: number) => new Date(ms).toISOString();
    for (const { key: agent, value } of store.enrolled.getRange({})) {
      const { since, by, revoked, certificates } = value;
      const until = Math.max(0, ...certificates.map(({ not_after }) => not_after));
      const presence = revoked === null ? (store.presence.get(agent)?.state ?? 'never seen') : 'revoked';
      if (json) {
        const serials = certificates.map(({ serial }) => serial);
        const key = Buffer.from(value.key).toString('base64url');
        const ends = revoked === null ? { expires: at(until) } : { revoked: at(revoked) };
        io.stdout(JSON.stringify({ agent, state: presence, key, serials, enrolled: at(since), by, ...ends }));
      } else {
        const end = revoked === null ? `certificate until ${at(until)}` : `revoked ${at(revoked)}`;
        io.stdout(`${agent.padEnd(24)} ${presence.padEnd(10)} ${end}  enrolled ${at(since)} by ${by}`);
      }
    }
    for (const { name, evidence, sys, since, by } of readTools(store)) {
      const rights = [...(evidence ? ['evidence'] : []), ...(sys ? ['sys'] : [])];
      if (json) io.stdout(JSON.stringify({ tool: name, rights, enrolled: at(since), by }));
      else io.stdout(`${name.padEnd(24)} ${'tool'.padEnd(10)} ${rights.join(' ')}  enrolled ${at(since)} by ${by}`);
    }
    for (const { key: agent, value } of store.tokens.getRange({})) {
      if (value.used !== null || value.expires <= Date.now()) continue;
      if (json) io.stdout(JSON.stringify({ agent, state: 'invited', by: value.by, expires: at(value.expires) }));
      else io.stdout(`${agent.padEnd(24)} ${'invited'.padEnd(10)} token until ${at(value.expires)} by ${value.by}`);
    }
    return EXIT.done;
  } finally {
    await store.close();
  }
}
