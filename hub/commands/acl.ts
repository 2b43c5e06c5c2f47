import { ACL_BROKERS, exportAcl } from '../../broker/acl-export.ts';
import { type Console, EXIT, readArguments, UsageError } from '../../broker/command-line.ts';
import { readSite } from '../../broker/enroll.ts';
import { stateFolder } from '../../broker/state-folder.ts';
import { ID } from '../../broker/topics.ts';
import { Store } from '../store/store.ts';

export const ACL_USAGE = `sentinel acl export --for ${ACL_BROKERS.join('|')} [--tool NAME]... [--state DIR]
  Prints who may hear and say what on the mesh as that broker's own rules, for sites whose broker is not the hub's.
  --tool NAME  a read-only client besides; may be given several times
  for example: sentinel acl export --for mosquitto > /etc/mosquitto/sentinel.acl`;

export async function aclCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values, positionals } = readArguments(
    argv,
    {
      state: { type: 'string', default: './.sentinel' },
      for: { type: 'string' },
      tool: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
    ACL_USAGE,
  );
  if (values.help) {
    io.stdout(ACL_USAGE);
    return EXIT.done;
  }
  const broker = ACL_BROKERS.find((one) => one === values.for);
  if (positionals[0] !== 'export' || broker === undefined) throw new UsageError(ACL_USAGE);
  const bad = values.tool.find((name) => !ID.test(name));
  if (bad !== undefined) throw new UsageError(`--tool takes a-z, 0-9 and dashes, not ${bad}`);
  const state = stateFolder(values.state);
  const local = readSite(state).agents.keys();
  const store = new Store(state.store, 'read');
  try {
    const enrolled = [...store.enrolled.getRange({})].filter(({ value }) => value.revoked === null);
    const agents = [...new Set([...local, ...enrolled.map(({ key }) => key)])].sort();
    io.stdout(exportAcl(broker, { agents, tools: values.tool }).trimEnd());
    return EXIT.done;
  } finally {
    await store.close();
  }
}
