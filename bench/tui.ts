import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { spawn } from '@lydell/node-pty';
import headless from '@xterm/headless';
import { type Emit, percentile } from './row.ts';

const COLS = 120;
const ROWS = 40;
const KEYS = 120;
/** A little over the 60 pictures a second that are drawn at most, so that each key is a picture of its own. */
const BETWEEN_MS = 40;
const IDLE_S = 20;
/** Clock ticks a second of /proc/PID/stat: fixed on Linux. */
const HZ = 100;
const PATIENCE_MS = 120_000;

/** What the screen may cost (docs/screen.md). */
const BUDGET = { frameBytes: 2_000, idleBytes: 4_000, cpuPercent: 6, keyMs: 60 } as const;

const APP = fileURLToPath(new URL('./tui/screen-app.js', import.meta.url));

interface Measured {
  /** Milliseconds from a key to its effect on the screen, with data moving. */
  readonly keys: readonly number[];
  /** Bytes of one picture after the selection moved. */
  readonly frameBytes: number;
  readonly idleBytes: number;
  readonly cpuPercent: number;
}

/** The operator's screen on a pseudo-terminal of 120x40, beside a floor that draws the same frames with no library. */
export async function tuiBench(emit: Emit): Promise<boolean> {
  const floor = await measure('floor');
  const ink = await measure('screen');
  const row = (metric: string, value: number, unit: string, base?: number) =>
    emit({
      bench: 'tui',
      metric,
      value: Math.round(value * 100) / 100,
      unit,
      ...(base === undefined ? {} : { baseline: 'floor', ratio: Math.round((value / base) * 100) / 100 }),
    });
  const p95 = percentile(ink.keys, 0.95);
  const floorP95 = percentile(floor.keys, 0.95);
  row('bytes_per_frame', ink.frameBytes, 'B', floor.frameBytes);
  row('idle_bytes_per_s', ink.idleBytes, 'B/s', floor.idleBytes);
  row('cpu_percent_2hz', ink.cpuPercent, '%', floor.cpuPercent);
  row('key_to_screen_p50_ms', percentile(ink.keys, 0.5), 'ms', percentile(floor.keys, 0.5));
  row('key_to_screen_p95_ms', p95, 'ms', floorP95);
  row('floor_key_to_screen_p95_ms', floorP95, 'ms');
  return (
    ink.frameBytes <= BUDGET.frameBytes &&
    ink.idleBytes <= BUDGET.idleBytes &&
    ink.cpuPercent <= BUDGET.cpuPercent &&
    p95 <= BUDGET.keyMs
  );
}

async function measure(kind: 'screen' | 'floor'): Promise<Measured> {
  const terminal = new headless.Terminal({ cols: COLS, rows: ROWS, allowProposedApi: true });
  const app = spawn(process.execPath, [APP, kind], {
    name: 'xterm-256color',
    cols: COLS,
    rows: ROWS,
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/', TERM: 'xterm-256color', LANG: 'C.UTF-8' },
  });
  let bytes = 0;
  let drawn: () => void = () => {};
  app.onData((data) => {
    bytes += Buffer.byteLength(data);
    terminal.write(data, () => drawn());
  });
  const row = (y: number) => terminal.buffer.active.getLine(y)?.translateToString(true) ?? '';
  const selected = () => Array.from({ length: ROWS }, (_, y) => y).findIndex((y) => row(y).startsWith('▌'));
  const shows = (good: () => boolean) =>
    new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${kind}: nothing came`)), PATIENCE_MS);
      const look = () => {
        if (!good()) return;
        clearTimeout(late);
        drawn = () => {};
        resolve();
      };
      drawn = look;
      look();
    });
  /** Moves the selection to and fro; each key waits until the one before is on the screen. */
  const press = async (count: number) => {
    const took: number[] = [];
    for (let i = 0; i < count; i++) {
      await sleep(BETWEEN_MS);
      const from = selected();
      const began = performance.now();
      app.write(i % 2 === 0 ? 'j' : 'k');
      await shows(() => selected() !== from && selected() !== -1);
      took.push(performance.now() - began);
    }
    return took;
  };
  try {
    await shows(() => selected() > 0);
    await press(20);
    const before = bytes;
    await press(40);
    const frameBytes = (bytes - before) / 40;
    process.kill(app.pid, 'SIGUSR2');
    const keys = await press(KEYS);
    const [idle, cpu] = [bytes, cpuTicks(app.pid)];
    const began = performance.now();
    await sleep(IDLE_S * 1_000);
    const seconds = (performance.now() - began) / 1_000;
    const cpuPercent = ((cpuTicks(app.pid) - cpu) / HZ / seconds) * 100;
    return { keys, frameBytes, idleBytes: (bytes - idle) / seconds, cpuPercent };
  } finally {
    app.kill('SIGKILL');
  }
}

/** User and system time of a process so far. */
function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
}
