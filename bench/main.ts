import type { Emit } from './row.ts';

/** `npm run bench -- NAME`: prints JSON lines, exits 1 when the bench falls short of its aim, 2 on a wrong name. */
const BENCHES: Readonly<Record<string, () => Promise<(emit: Emit) => Promise<boolean>>>> = {
  wire: async () => (await import('./wire.ts')).wireBench,
  policy: async () => (await import('./policy.ts')).policyBench,
  detect: async () => (await import('./detect.ts')).detectBench,
  agent: async () => (await import('./agent.ts')).agentBench,
  ingest: async () => (await import('./ingest.ts')).ingestBench,
  calibration: async () => (await import('./calibration.ts')).calibrationBench,
  fleet: async () => (await import('./fleet.ts')).fleetBench,
  hostile: async () => (await import('./hostile.ts')).hostileBench,
  pipeline: async () => (await import('./pipeline.ts')).pipelineBench,
  model: async () => (await import('./model.ts')).modelBench,
  reason: async () => (await import('./reason.ts')).reasonBench,
  halt: async () => (await import('./halt.ts')).haltBench,
  audit: async () => (await import('./audit.ts')).auditBench,
  tui: async () => (await import('./tui.ts')).tuiBench,
};

const name = process.argv[2] ?? '';
const load = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
if (load === undefined) {
  console.error(`usage: npm run bench -- ${Object.keys(BENCHES).join('|')}`);
  process.exitCode = 2;
} else {
  const bench = await load();
  const good = await bench((row) => console.log(JSON.stringify(row)));
  process.exitCode = good ? 0 : 1;
}
