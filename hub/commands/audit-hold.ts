import { type Console, EXIT, readArguments, UsageError } from '../../broker/command-line.ts';
import { readSite } from '../../broker/enroll.ts';
import { stateFolder } from '../../broker/state-folder.ts';
import { actingOperator } from '../acts/acting.ts';
import { type Act, askHub } from '../acts/client.ts';
import { allHolds, type Hold } from '../store/holds.ts';
import { Store } from '../store/store.ts';
import { visible } from '../visible.ts';
import { findIncident } from './find-incident.ts';

export const HOLD_USAGE = `sentinel audit hold add (ID | EXPRESSION...) --note TEXT
sentinel audit hold list [--json]
sentinel audit hold release HOLD --note TEXT
  Keeps incidents for an inquiry whatever their age: one, or all that match, those to come among them. EXPRESSION is of the
  terms of \`sentinel silence\`. Whoever adds or releases one is an admin, and it stands in the audit chain. All take --state DIR.
  for example: sentinel audit hold add host=press-* --note 'accident of 3 May'`;

export async function holdCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values, positionals } = readArguments(
    argv,
    {
      state: { type: 'string', default: './.sentinel' },
      key: { type: 'string' },
      note: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    HOLD_USAGE,
  );
  if (values.help) {
    io.stdout(HOLD_USAGE);
    return EXIT.done;
  }
  const [verb, ...rest] = positionals;
  const state = stateFolder(values.state);
  readSite(state);
  const ask = async (act: Act, done: (text: string) => string): Promise<number> => {
    const { ok, code, message, text = '' } = await askHub(state, await actingOperator(state, values.key), act);
    if (ok === 'yes') io.stdout(done(text));
    else io.stderr(`${code ?? 'E_HUB'}: ${message ?? 'refused'}`);
    return ok === 'yes' ? EXIT.done : EXIT.no;
  };
  const { note = '' } = values;
  if ((verb === 'add' || verb === 'release') && note === '') throw new UsageError(`say why with --note\n${HOLD_USAGE}`);
  const store = new Store(state.store, 'read');
  try {
    if (verb === 'list') return list(allHolds(store), values.json, io);
    if (verb === 'release') {
      const { id } = find(allHolds(store), rest[0] ?? '');
      return await ask({ verb, hold: id, note }, () => `released ${id}`);
    }
    if (verb !== 'add' || rest.length === 0) throw new UsageError(HOLD_USAGE);
    const about = rest.some((term) => term.includes('='))
      ? { match: rest.join(' ') }
      : { incident: findIncident(store, rest.join(' ')).id };
    return await ask({ verb: 'hold', ...about, note }, (id) => `on hold: ${id}`);
  } finally {
    await store.close();
  }
}

function list(holds: readonly Hold[], json: boolean, io: Console): number {
  for (const { id, incident, match, from, by, note } of holds) {
    const since = new Date(from).toISOString();
    if (json) io.stdout(JSON.stringify({ id, incident, match, from: since, by, note }));
    else io.stdout(`${id}  ${since}  ${by}  ${incident ?? match}  (${visible(note)})`);
  }
  return EXIT.done;
}

function find(holds: readonly Hold[], id: string): Hold {
  const matches = holds.filter((one) => id !== '' && one.id.startsWith(id.toUpperCase()));
  const [only] = matches;
  if (only === undefined) throw new UsageError(`no hold ${JSON.stringify(id)}: see \`sentinel audit hold list\``);
  if (matches.length > 1) throw new UsageError(`${id} is the beginning of ${matches.length} holds: give more of it`);
  return only;
}
