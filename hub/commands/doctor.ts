import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Console, EXIT, readArguments } from '../../broker/command-line.ts';
import { type StateFolder, stateFolder } from '../../broker/state-folder.ts';
import { VERSION } from '../../broker/version.ts';
import { halfRestored } from '../backup/restoring.ts';
import {
  lookAtCertificates,
  lookAtDisk,
  lookAtInstall,
  lookAtKeys,
  lookAtPolicy,
  lookAtSettings,
  lookAtSite,
} from '../doctor/files.ts';
import { bad, CHECKS, type CheckName, type Finding, guarded, well } from '../doctor/finding.ts';
import { lookAtChosenModel, lookAtModel } from '../doctor/models.ts';
import { hubAnswers, lookAtAgents, lookAtAudit, lookAtBroker, lookAtClock, lookAtHub } from '../doctor/stored.ts';
import { countIncidents } from '../store/retention.ts';
import { Store } from '../store/store.ts';

export const DOCTOR_USAGE = `sentinel doctor [--state DIR] [--model GGUF] [--json]
  Looks at a hub's state folder, whether the hub runs or not, and says what to do about what it finds: keys and folders,
  disk, clock, store, broker, audit chain, certificates, agents, rules, settings, model. It changes nothing.
  Exit 0 when all is well, 1 when there are findings. --json prints a line for each check.
  --model GGUF  look at this model file instead of the one that the hub takes, and print its hash
  for example: sentinel doctor --state /var/lib/sentinel-hub`;

export async function doctorCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values } = readArguments(
    argv,
    {
      state: { type: 'string', default: './.sentinel' },
      model: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    DOCTOR_USAGE,
  );
  if (values.help) {
    io.stdout(DOCTOR_USAGE);
    return EXIT.done;
  }
  const findings = await examine(stateFolder(values.state), { now: Date.now(), model: values.model });
  for (const one of findings) io.stdout(values.json ? JSON.stringify(one) : lineOf(one));
  return findings.every(({ ok }) => ok) ? EXIT.done : EXIT.no;
}

/** Every check once, in the order of CHECKS. Never throws: what can't be looked at is a finding. */
export async function examine(
  state: StateFolder,
  { now, model }: { readonly now: number; readonly model?: string | undefined },
): Promise<readonly Finding[]> {
  if (!existsSync(state.site)) {
    return [
      bad('site', `there is no site in ${state.root}`, 'name its folder with --state DIR, or begin: sentinel init'),
    ];
  }
  const began = performance.now();
  const of = (check: CheckName, look: Parameters<typeof guarded>[1]) => guarded(check, look);
  const found = [
    ...(await of('install', () => lookAtInstall())),
    ...(await of('site', () => lookAtSite(state))),
    ...(await of('keys', () => lookAtKeys(state))),
    ...(await of('disk', () => lookAtDisk(state))),
    ...(await of('certificates', () => lookAtCertificates(state, now))),
    ...(await of('policy', () => lookAtPolicy(state))),
    ...(await of('settings', () => lookAtSettings(state, now))),
    ...(await of('model', () => (model === undefined ? lookAtChosenModel(state) : lookAtModel(model)))),
    // A look takes seconds where much else runs, and the store has gone on since it began.
    ...(await of('store', () => lookAtStored(state, () => now + performance.now() - began))),
  ];
  return found.toSorted((a, b) => CHECKS.indexOf(a.check) - CHECKS.indexOf(b.check));
}

async function lookAtStored(state: StateFolder, clock: () => number): Promise<readonly Finding[]> {
  const cut = halfRestored(state);
  if (cut !== null) return [bad('store', cut.what, cut.todo)];
  if (!existsSync(join(state.store, 'data.mdb'))) {
    return [bad('store', `there is no store in ${state.store}`, 'start a hub, or restore the store from a backup')];
  }
  const store = new Store(state.store, 'read');
  try {
    const isUp = await hubAnswers(state);
    const now = clock();
    return [
      well('store', `opens, ${countIncidents(store)} incidents`),
      ...(await guarded('hub', () => lookAtHub(store, isUp))),
      ...(await guarded('clock', () => lookAtClock(store, now))),
      ...(await guarded('broker', () => lookAtBroker(store, isUp))),
      ...(await guarded('audit', () => lookAtAudit(store, state, { isUp, now }))),
      ...(await guarded('agents', () => lookAtAgents(store, VERSION, now))),
    ];
  } finally {
    await store.close();
  }
}

const lineOf = ({ check, ok, what, todo }: Finding): string =>
  `${ok ? 'ok' : '!!'}  ${check.padEnd(12)}  ${what}${ok ? '' : `\n    ${' '.repeat(12)}  -> ${todo}`}`;
