import { type Console, EXIT, readArguments, UsageError } from '../../broker/command-line.ts';
import { readSite } from '../../broker/enroll.ts';
import { stateFolder } from '../../broker/state-folder.ts';
import { actingOperator } from '../acts/acting.ts';
import { type Act, askHub } from '../acts/client.ts';
import { readDuration } from '../correlate/rules.ts';
import { allSilences, isActive, type Silence } from '../correlate/silences.ts';
import { Store } from '../store/store.ts';

export const SILENCE_USAGE = `sentinel silence add EXPRESSION... --for 2h [--from TIME] [--note TEXT]
sentinel silence list [--json]
sentinel silence remove ID
  EXPRESSION: terms that must all hold, over host, signal, metric, subject, severity, fingerprint, tag and service;
  * stands for any characters. --for takes 30s, 5m, 2h, 1d; --from an ISO time (default: now).
  All take --state DIR (default ./.sentinel). An ID may be cut to what is unique.
  for example: sentinel silence add host=web-* 'signal=disk.*' --for 2h --note 'new disks'`;

export async function silenceCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values, positionals } = readArguments(
    argv,
    {
      state: { type: 'string', default: './.sentinel' },
      key: { type: 'string' },
      json: { type: 'boolean', default: false },
      for: { type: 'string' },
      from: { type: 'string' },
      note: { type: 'string', default: '' },
      help: { type: 'boolean', default: false },
    },
    SILENCE_USAGE,
  );
  if (values.help) {
    io.stdout(SILENCE_USAGE);
    return EXIT.done;
  }
  const [verb = '', ...rest] = positionals;
  const state = stateFolder(values.state);
  readSite(state);
  const ask = async (act: Act, done: string): Promise<number> => {
    const { ok, code, message } = await askHub(state, await actingOperator(state, values.key), act);
    if (ok === 'yes') io.stdout(done);
    else io.stderr(`${code ?? 'E_HUB'}: ${message ?? 'refused'}`);
    return ok === 'yes' ? EXIT.done : EXIT.no;
  };
  if (verb === 'add') {
    const match = rest.join(' ');
    const { from, until } = windowOf(values.from, values.for, Date.now());
    return ask({ verb: 'silence', match, from, until, note: values.note }, `silenced ${match}`);
  }
  const store = new Store(state.store, 'read');
  try {
    if (verb === 'list') return list(allSilences(store), values.json, io);
    if (verb === 'remove') {
      const silence = find(allSilences(store), rest[0] ?? '');
      return await ask({ verb: 'unsilence', silence: silence.id }, `ended ${silence.id}`);
    }
    throw new UsageError(`no such verb: ${JSON.stringify(verb)}\n${SILENCE_USAGE}`);
  } finally {
    await store.close();
  }
}

function windowOf(from: string | undefined, lasts: string | undefined, now: number): { from: number; until: number } {
  const ms = readDuration(lasts ?? '');
  if (ms === null) throw new UsageError('say how long with --for, for instance --for 2h');
  const start = from === undefined ? now : Date.parse(from);
  if (!Number.isFinite(start)) throw new UsageError(`--from ${from}: give an ISO time, for instance 2026-12-01T02:00Z`);
  return { from: start, until: start + ms };
}

function list(silences: readonly Silence[], json: boolean, io: Console): number {
  const now = Date.now();
  for (const one of silences) {
    const { id, match, by, note } = one;
    const [from, until] = [new Date(one.from).toISOString(), new Date(one.until).toISOString()];
    const state = isActive(one, now) ? 'active' : one.from > now ? 'waiting' : 'ended';
    if (json) io.stdout(JSON.stringify({ id, state, match, from, until, by, note }));
    else io.stdout(`${id}  ${state.padEnd(7)} ${from}  ${until}  ${by}  ${match}${note === '' ? '' : `  (${note})`}`);
  }
  return EXIT.done;
}

function find(silences: readonly Silence[], id: string): Silence {
  const matches = silences.filter((one) => id !== '' && one.id.startsWith(id.toUpperCase()));
  const [only] = matches;
  if (only === undefined) throw new UsageError(`no silence ${JSON.stringify(id)}: see \`sentinel silence list\``);
  if (matches.length > 1) throw new UsageError(`${id} is the beginning of ${matches.length} silences: give more of it`);
  return only;
}
