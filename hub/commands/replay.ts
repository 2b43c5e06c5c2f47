import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Console, EXIT, readArguments, UsageError } from '../../broker/command-line.ts';
import { lineLog } from '../../broker/log.ts';
import { type StateFolder, stateFolder } from '../../broker/state-folder.ts';
import { loadPolicy } from '../../policy/policy.ts';
import { RECORDS, type RecordLine, readRecords } from '../eval/records.ts';
import { chosenModel } from '../models/choice.ts';
import { openModel } from '../open-reasoners.ts';
import { sitePlaybooks } from '../playbook/playbook.ts';
import type { Reasoner } from '../reason/reasoner.ts';
import type { Way } from '../reason/ways.ts';
import { compareWith } from '../replay/compare.ts';
import { comparedLines, replayedLines } from '../replay/describe.ts';
import { RecordedModels } from '../replay/find-model.ts';
import { type DecisionRecord, recordsOf } from '../replay/record.ts';
import { type ReplayParts, replayDecision } from '../replay/replay.ts';
import { Store } from '../store/store.ts';
import { visible } from '../visible.ts';
import { findIncident } from './find-incident.ts';
import { readWay } from './way-flag.ts';

export const REPLAY_USAGE = `sentinel replay ID [--with GGUF|NAME|own|none [--reasoner single|staged]] [--json] [--state DIR]
sentinel replay --eval [DIR] [--with GGUF|NAME|own|none [--reasoner single|staged]] [--json] [--state DIR]
  Makes the decisions on an incident again from what was recorded - evidence, answers, draft, verdicts, way - and
  compares each with the record byte for byte. Nothing is sent, run or written, and the hub may run or not.
  --with MODEL  asks another model about the same past, and shows both answers; \`none\`: the rules alone
  --eval [DIR]  the decisions that the last \`sentinel eval\` left (default STATE/eval)
  Exit 0: all came out the same (with --with: the same class and commands). Exit 1: something differs, or can't be made
  again, and is named. Exit 2: no such incident, or none that was decided on.
  for example: sentinel replay 01KB2X --state /var/lib/sentinel-hub`;

/** For one answer of a model: nobody waits for it, and a machine that is busy may take long. */
const ANSWER_MS = 10 * 60_000;

export async function replayCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values, positionals } = readArguments(
    argv,
    {
      state: { type: 'string', default: './.sentinel' },
      with: { type: 'string' },
      reasoner: { type: 'string' },
      eval: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    REPLAY_USAGE,
  );
  if (values.help) {
    io.stdout(REPLAY_USAGE);
    return EXIT.done;
  }
  const [what = ''] = positionals;
  if (positionals.length > 1 || (what === '' && !values.eval)) throw new UsageError(REPLAY_USAGE);
  const state = stateFolder(values.state);
  const lines = values.eval ? leftBy(what === '' ? join(state.root, 'eval') : what) : await incidentsLines(state, what);
  const parts = await openParts(state, io);
  const other =
    values.with === undefined
      ? undefined
      : await openOther(values.with, readWay(values.reasoner), state.models, parts, io);
  let all = 0;
  let same = 0;
  try {
    for await (const { id, record } of lines) {
      if (io.signal.aborted) return EXIT.no;
      all++;
      const { answer, lines: told } = await made(id, record, parts, other).catch((error) => notMade(id, error));
      if (answer.same) same++;
      for (const line of values.json ? [JSON.stringify({ id, ...answer })] : told) io.stdout(line);
    }
  } finally {
    await other?.close();
    await parts.models.close();
  }
  if (all === 0) throw new UsageError(`nothing was decided in ${what || 'that folder'}: it has no plan`);
  if (all > 1) io.stderr(`${same} of ${all} ${other === undefined ? 'came out byte for byte' : 'were decided alike'}`);
  return same === all ? EXIT.done : EXIT.no;
}

async function made(id: string, record: DecisionRecord, parts: ReplayParts, other: Reasoner | null | undefined) {
  if (other === undefined) {
    const answer = await replayDecision(record, parts);
    return { answer, lines: replayedLines(id, answer) };
  }
  const answer = await compareWith(record, other, parts);
  return { answer, lines: comparedLines(id, answer) };
}

/** A record may hold anything where it should hold its parts: that costs this decision's answer, and no other's. */
function notMade(id: string, error: unknown) {
  const why = `it is no decision of ours: ${error instanceof Error ? error.message : String(error)}`;
  return { answer: { same: false, why }, lines: [`${visible(id)}: can't be made again: ${visible(why)}`] };
}

/** All decisions on one incident, read before anything else takes its time: a store that is kept open pins its pages. */
async function incidentsLines(state: StateFolder, id: string): Promise<readonly RecordLine[]> {
  const store = new Store(state.store, 'read');
  try {
    const incident = findIncident(store, id);
    return recordsOf(incident).map((record) => ({ id: incident.id, record }));
  } finally {
    await store.close();
  }
}

function leftBy(folder: string): AsyncGenerator<RecordLine> {
  if (existsSync(join(folder, RECORDS))) return readRecords(folder);
  throw new UsageError(`${folder} holds no ${RECORDS}: run \`sentinel eval\` first, or name its --report folder`);
}

async function openParts(state: StateFolder, io: Console): Promise<ReplayParts & { readonly models: RecordedModels }> {
  const policy = await loadPolicy(existsSync(state.policy) ? { siteDir: state.policy } : {});
  const loaded = sitePlaybooks(state.playbooks, policy);
  for (const { message } of loaded.errors) io.stderr(message);
  const playbooks = new Map(loaded.playbooks.map((one) => [one.id, one]));
  const models = new RecordedModels({ folder: state.models, playbooks, deadlineMs: ANSWER_MS, log: io.stderr });
  return { policy, playbooks, modelOf: (trace) => models.of(trace), deadlineMs: ANSWER_MS, models };
}

/** The model that is compared; null: the rules alone. Whoever names one wants to know that it did not load. */
async function openOther(
  word: string,
  way: Way | undefined,
  folder: string,
  { playbooks }: ReplayParts,
  io: Console,
): Promise<Reasoner | null> {
  if (word === 'none') return null;
  const chosen = await chosenModel(word, folder, way);
  if (chosen === null) throw new UsageError(`--with ${word}: no model ships with this hub`);
  const model = await openModel(chosen, { playbooks }, lineLog('replay', io.stderr));
  if (model === null) throw new UsageError(`--with ${word}: it does not load`);
  return model;
}
