import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Console, EXIT, readArguments, UsageError } from '../../broker/command-line.ts';
import { claim, stateFolder } from '../../broker/state-folder.ts';
import { choose } from '../models/choice.ts';
import { copyTo, nameOf, sourcesAt } from '../models/copy.ts';
import { addressOf, download, told } from '../models/download.ts';
import { checkedName, fileOf, type ModelEntry, readManifest } from '../models/manifest.ts';
import { RECOMMENDED, recommendedFor, usableMemory } from '../models/recommended.ts';
import { takeIn, verifyModels } from '../models/take-in.ts';
import { threadsFor } from '../models/threads.ts';
import { ownModel } from '../reason/own-model.ts';
import { visible } from '../visible.ts';
import { benchModels } from './model-bench.ts';
import { readWay } from './way-flag.ts';

export const MODEL_USAGE = `sentinel model list [--json]
sentinel model pull FILE|FOLDER|URL [--name NAME] [--sha256 HEX] [--via HOST]... [--use]
sentinel model use NAME|own|none [--reasoner single|staged]
sentinel model verify [NAME...] [--json]
sentinel model bench FILE|NAME... [--scenarios FILE] [--json]
  Models that the hub may reason with beside the rules; all take --state DIR (default ./.sentinel).
  list    the pulled ones, which of them is used, and which of others' would suit this machine's memory
  pull    takes a GGUF in: copied from a path, from a folder that \`pull\` filled on another machine, or fetched from the
          address that is typed here, and from no other. What was cut goes on when the same is typed again. A file whose
          hash is not the one that was named, or that does not load in a process of its own, is taken away.
          --sha256 HEX  what the file must be     --via HOST  a host that the address may send on to
  use     what the hub reasons with from its next start on, where no --model is typed; and whether it thinks all in one
          answer (single, else so) or in stages (staged)
  verify  whether the files are still those that were pulled; exit 1 when one is not
  bench   a table of models: reading and writing speed in tokens a second, milliseconds for a plan, memory, and what the
          hub's answers score with each beside the rules (default: the scenarios that nothing was tuned on)
  for example: sentinel model pull /media/usb/models --use`;

/** For the other process that loads a file first: two minutes suit the largest that fit a host. */
const PROBE_MS = 120_000;
/** Without a byte: a link that has failed, not one that is slow. */
const SILENCE_MS = 60_000;
/** How far a download is, is said each time so much more has come. */
const PROGRESS_BYTES = 64 * 1_048_576;

interface Flags {
  readonly name: string | undefined;
  readonly sha256: string | undefined;
  readonly via: readonly string[];
  readonly use: boolean;
  readonly json: boolean;
}

export async function modelCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values, positionals } = readArguments(
    argv,
    {
      state: { type: 'string', default: './.sentinel' },
      name: { type: 'string' },
      sha256: { type: 'string' },
      scenarios: { type: 'string' },
      reasoner: { type: 'string' },
      via: { type: 'string', multiple: true },
      use: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    MODEL_USAGE,
  );
  if (values.help) {
    io.stdout(MODEL_USAGE);
    return EXIT.done;
  }
  const [verb = '', ...named] = positionals;
  const state = stateFolder(values.state);
  const folder = state.models;
  const flags: Flags = { ...values, name: values.name, sha256: hashOf(values.sha256), via: values.via ?? [] };
  if (verb === 'list' && named.length === 0) return list(folder, flags, io);
  if (verb === 'verify') return verify(folder, named, flags, io);
  if (verb === 'bench' && named.length > 0) {
    return benchModels(state, named, { scenarios: values.scenarios, json: values.json }, io);
  }
  const [one = ''] = named;
  if (named.length !== 1) throw new UsageError(MODEL_USAGE);
  if (verb === 'pull') return pull(folder, one, flags, io);
  if (verb === 'use') {
    const way = readWay(values.reasoner);
    choose(folder, one, way);
    io.stdout(`the hub reasons with ${one}${way === undefined ? '' : `, ${way},`} from its next start on`);
    return EXIT.done;
  }
  throw new UsageError(`no such verb: ${JSON.stringify(verb)}\n${MODEL_USAGE}`);
}

function hashOf(text: string | undefined): string | undefined {
  const hash = text?.toLowerCase();
  if (hash === undefined || /^[0-9a-f]{64}$/.test(hash)) return hash;
  throw new UsageError('--sha256 takes 64 hexadecimal digits');
}

async function list(folder: string, { json }: Flags, io: Console): Promise<number> {
  const { models, use = 'own' } = readManifest(folder);
  const own = await ownModel().catch((error: unknown) => error);
  const memory = usableMemory();
  const suits = recommendedFor(memory);
  if (json) {
    for (const one of models)
      io.stdout(JSON.stringify({ ...one, used: one.name === use, threads: threadsFor(one.bytes) }));
    return EXIT.done;
  }
  const mark = (name: string): string => (name === use ? '*' : ' ');
  const about = own === null ? 'none ships with this hub' : typeof own === 'string' ? own : String(own);
  io.stdout(`${mark('own')} own   ${about}`);
  for (const { name, bytes, sha256, from } of models) {
    const size = `${(bytes / 1_048_576).toFixed(0)} MiB, ${threadsFor(bytes)} threads`;
    io.stdout(`${mark(name)} ${name}   ${size}, sha256 ${sha256.slice(0, 16)}, from ${visible(from)}`);
  }
  if (use === 'none') io.stdout('* none  rules alone');
  io.stdout(
    `of others', by memory (this hub may use ${(memory / 1_073_741_824).toFixed(1)} GiB; none is fetched by itself):`,
  );
  for (const one of RECOMMENDED) {
    io.stdout(`${one === suits ? '>' : ' '} from ${String(one.from).padStart(2)} GiB  ${one.model}, ${one.file}`);
  }
  return EXIT.done;
}

async function verify(folder: string, named: readonly string[], { json }: Flags, io: Console): Promise<number> {
  const { models } = readManifest(folder);
  const missing = named.find((name) => !models.some((one) => one.name === name));
  if (missing !== undefined) throw new UsageError(`no model ${JSON.stringify(missing)}: see \`sentinel model list\``);
  let good = true;
  const wanted = models.filter(({ name }) => named.length === 0 || named.includes(name));
  for await (const { name, ok, said } of verifyModels(folder, wanted)) {
    good &&= ok;
    io.stdout(
      json ? JSON.stringify({ name, ok, said }) : `${name}: ${ok ? 'good' : 'NOT the file that was pulled'}, ${said}`,
    );
  }
  return good ? EXIT.done : EXIT.no;
}

async function pull(folder: string, from: string, flags: Flags, io: Console): Promise<number> {
  mkdirSync(folder, { recursive: true, mode: 0o750 });
  const release = claim(folder, 'another pull');
  try {
    const entries = /^https?:\/\//i.test(from)
      ? [await fetched(folder, addressOf(from), flags, io)]
      : await copied(folder, from, flags, io);
    for (const { name, sha256 } of entries) io.stdout(`${name}: sha256 ${sha256}, loads`);
    const [first] = entries;
    if (flags.use && first !== undefined) {
      choose(folder, first.name);
      io.stdout(`the hub reasons with ${first.name} from its next start on`);
    }
    return EXIT.done;
  } finally {
    release();
  }
}

/** A path's percent codes as what they stand for; a path with others than such stays as it is. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

const takeOptions = (folder: string) => ({ folder, now: Date.now(), probeDeadlineMs: PROBE_MS });

async function fetched(folder: string, url: URL, { name, sha256, via }: Flags, io: Console): Promise<ModelEntry> {
  const wanted = checkedName(name ?? nameOf(decoded(url.pathname)));
  const part = `${fileOf(folder, wanted)}.part`;
  if (sha256 === undefined)
    io.stderr('no --sha256 was named: what comes is what that host says it is, and nothing else');
  let next = PROGRESS_BYTES;
  const progress = (bytes: number, total: number | null) => {
    if (bytes < next) return;
    next = bytes + PROGRESS_BYTES;
    const of = total === null ? '' : ` of ${Math.round(total / 1_048_576)}`;
    io.stderr(`${Math.round(bytes / 1_048_576)}${of} MiB`);
  };
  await download({ url, via, part, signal: io.signal, silenceMs: SILENCE_MS, progress });
  return takeIn({ part, name: wanted, from: told(url), sha256 }, takeOptions(folder));
}

/** Whether a model's file is still the one that was pulled: pulling again is how one that is not is mended. */
async function isWhole(folder: string, model: ModelEntry): Promise<boolean> {
  for await (const { ok } of verifyModels(folder, [model])) if (!ok) return false;
  return true;
}

async function copied(folder: string, path: string, flags: Flags, io: Console): Promise<readonly ModelEntry[]> {
  const entries: ModelEntry[] = [];
  for (const source of sourcesAt(path, flags.name)) {
    const sha256 = flags.sha256 ?? source.sha256;
    const have = readManifest(folder).models.find(({ name }) => name === source.name);
    if (have !== undefined && have.sha256 === sha256 && (await isWhole(folder, have))) {
      io.stderr(`${source.name} is here already`);
      entries.push(have);
      continue;
    }
    const part = join(folder, `${source.name}.copy.part`);
    await copyTo(part, source.path);
    entries.push(await takeIn({ part, name: source.name, from: source.path, sha256 }, takeOptions(folder)));
  }
  return entries;
}
