import { type Console, EXIT, readArguments, UsageError } from '../../broker/command-line.ts';
import { readRoster, readSite } from '../../broker/enroll.ts';
import { signLiftBy } from '../../broker/halts.ts';
import { stateFolder } from '../../broker/state-folder.ts';
import { actingOperator } from '../acts/acting.ts';
import { type Act, askHub } from '../acts/client.ts';
import { liftLapsed, readHalt } from '../site/halts.ts';
import { Store } from '../store/store.ts';

export const HALT_USAGE = `sentinel halt [--reason TEXT] [--state DIR]
sentinel halt --lift
sentinel halt --status [--json]
  Stops all execution: agents end what runs within a second, and begin nothing until it is lifted, over restarts too.
  Approvers and admins may halt; an admin's signature lifts. Watching, reporting and proposing go on.
  for example: sentinel halt --reason 'maintenance of line 2'`;

export async function haltCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values } = readArguments(
    argv,
    {
      state: { type: 'string', default: './.sentinel' },
      key: { type: 'string' },
      reason: { type: 'string', default: '' },
      lift: { type: 'boolean', default: false },
      status: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    HALT_USAGE,
  );
  if (values.help) {
    io.stdout(HALT_USAGE);
    return EXIT.done;
  }
  if (values.reason.length > 500) throw new UsageError('--reason takes at most 500 characters');
  const state = stateFolder(values.state);
  const site = readSite(state);
  const store = new Store(state.store, 'read');
  const present = readHalt(store);
  await store.close();
  if (values.status) {
    const halted = present?.halted === true;
    const lapsed = present === null ? null : liftLapsed(present, readRoster(state, site).roster);
    const since = present === null ? null : new Date(present.at).toISOString();
    if (values.json)
      io.stdout(
        JSON.stringify({ halted, by: present?.by ?? null, since, reason: present?.reason ?? '', lift_lapsed: lapsed }),
      );
    else io.stdout(halted ? `halted since ${since} by ${present?.by}: ${present?.reason}` : 'not halted');
    if (lapsed !== null && !values.json)
      io.stdout(`agents that were away may be halted still: ${lapsed}. Halt once more, and have an admin lift it.`);
    return halted ? EXIT.no : EXIT.done;
  }
  const operator = await actingOperator(state, values.key);
  let act: Act = { verb: 'halt', note: values.reason };
  if (values.lift) {
    const { counter = 0 } = present ?? {};
    if (present?.halted !== true) throw new UsageError('nothing is halted');
    act = { verb: 'lift', ...(await signLiftBy({ site: site.name, counter, by: operator.name }, operator.sign)) };
  }
  const answer = await askHub(state, operator, act);
  if (answer.ok === 'no') {
    io.stderr(`${answer.code ?? 'E_HUB'}: ${answer.message ?? 'refused'}`);
    return EXIT.no;
  }
  io.stdout(values.lift ? 'lifted' : 'halted');
  return EXIT.done;
}
