import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { secretHash } from '../broker/enroll.ts';
import { FrameWriter } from '../test/broker/frame-writer.ts';
import { connectPacket, publishPacket, RawReader } from '../test/broker/mqtt-bytes.ts';
import * as samples from '../test/broker/samples.ts';
import type { Attack } from './hostile-clients.ts';
import { METRICS } from './ingest-metrics.ts';
import { type Emit, percentile } from './row.ts';

const here = (name: string): string => fileURLToPath(new URL(`./${name}.js`, import.meta.url));
const ATTACKS: readonly Attack[] = ['flood', 'connects', 'dribble', 'malformed', 'frozen'];
/** Honest agents, of which each reports so often. The attackers have the names behind theirs. */
const HONEST = 20;
const AGENTS = 40;
const EVERY_MS = 100;
const PHASE_MS = 6_000;
/** After a phase what it left is cleared away, unmeasured: it would make the next one's quiet look busy. */
const SETTLE_MS = 2_000;
/** Others' p99 under attack against that of the quiet phase right before. */
const AIM = 2;
/** Ticks of the clock in which Linux counts processor time (USER_HZ). */
const TICK_MS = 10;

/**
 * What honest agents feel of hostile clients: the 99th percentile of the time from a report to its PUBACK, which comes
 * after the commit, in quiet and under each attack in turn. The attackers are a process of their own; on few cores they
 * take the broker's time as any busy process does. So before each attack the same clients do the same to a broker that
 * does nothing, in a process of its own: `control`. How much processor time the clients took is said of both, since a
 * sink that serves them sooner or later than ours lets them take more or less.
 */
export async function hostileBench(emit: Emit): Promise<boolean> {
  const server = fork(here('ingest-server'), ['ours', String(AGENTS)]);
  const sink = fork(here('hostile-sink'));
  const [port, sinkPort] = await Promise.all([portOf(server), portOf(sink)]);
  const honest = await Promise.all(Array.from({ length: HONEST }, (_, i) => Honest.open(port, `agent-${i}`)));
  const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  /** The p99 of a phase in milliseconds, and the percent of a core that these processes took. */
  const phase = async (watched: readonly ChildProcess[]) => {
    for (const one of honest) one.waits.length = 0;
    const before = watched.map(cpuMs);
    const began = performance.now();
    await wait(PHASE_MS);
    const took = performance.now() - began;
    const cpu = watched.map((child, i) => ((cpuMs(child) - (before[i] ?? 0)) / took) * 100);
    return {
      p99: percentile(
        honest.flatMap((one) => one.waits),
        0.99,
      ),
      cpu,
    };
  };
  const attacked = async (attack: Attack, at: number, watched: readonly ChildProcess[]) => {
    const attacker = fork(here('hostile-clients'), [attack, String(at)]);
    const talking = attack === 'frozen' ? setInterval(() => server.send('talk'), 100) : undefined;
    const found = await phase([attacker, ...watched]);
    clearInterval(talking);
    await end(attacker);
    await wait(SETTLE_MS);
    return found;
  };
  const wanted = ATTACKS.filter((attack) => process.argv.length < 4 || process.argv.includes(attack, 3));
  let worst = 0;
  try {
    // The first phase warms both sides.
    await phase([]);
    for (const attack of wanted) {
      const row = (metric: string, value: number, unit: string) =>
        emit({ bench: 'hostile', metric: `${attack}_${metric}`, value, unit });
      const quiet = await phase([server]);
      const control = await attacked(attack, sinkPort, [sink]);
      const ours = await attacked(attack, port, [server]);
      worst = Math.max(worst, ours.p99 / quiet.p99);
      row('quiet_p99', quiet.p99, 'ms');
      emit({
        bench: 'hostile',
        metric: `${attack}_control_p99`,
        value: control.p99,
        unit: 'ms',
        baseline: 'quiet, right before',
        ratio: control.p99 / quiet.p99,
      });
      emit({
        bench: 'hostile',
        metric: `${attack}_p99`,
        value: ours.p99,
        unit: 'ms',
        baseline: 'quiet, right before',
        ratio: ours.p99 / quiet.p99,
      });
      row('control_clients_cpu', control.cpu[0] ?? Number.NaN, 'percent of a core');
      row('clients_cpu', ours.cpu[0] ?? Number.NaN, 'percent of a core');
      row('broker_cpu', ours.cpu[1] ?? Number.NaN, 'percent of a core');
    }
    const cut = honest.filter(({ isCut }) => isCut).length;
    emit({ bench: 'hostile', metric: 'honest_cut', value: cut, unit: 'connections' });
    return worst <= AIM && cut === 0;
  } finally {
    for (const one of honest) one.close();
    sink.kill();
    server.send('end');
  }
}

function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('message', (ready: { readonly port: number }) => resolve(ready.port));
    child.once('exit', (code) => reject(new Error(`it ended with ${code}`)));
  });
}

/** Processor time of a process and its threads (proc(5): utime and stime, behind the name in brackets). */
function cpuMs({ pid }: ChildProcess): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

/** Reports at its own pace, whatever becomes of its reports. */
class Honest {
  readonly waits: number[] = [];
  isCut = false;
  private readonly socket: Socket;
  private readonly saidAt = new Map<number, number>();
  private timer: NodeJS.Timeout | undefined;
  private id = 0;

  static open(port: number, name: string): Promise<Honest> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () =>
        socket.write(connectPacket(name, `${name}-secret`)),
      );
      const honest = new Honest(socket);
      const reader = new RawReader(({ type, body }) => {
        if (type >> 4 === 2) {
          honest.report(name);
          resolve(honest);
        } else if (type >> 4 === 4) honest.heard(body.readUInt16BE(0));
      });
      socket.on('data', (chunk) => reader.read(chunk));
      socket.once('error', reject);
      socket.once('close', () => {
        honest.isCut = true;
      });
    });
  }

  private constructor(socket: Socket) {
    this.socket = socket;
  }

  close(): void {
    clearInterval(this.timer);
    this.socket.destroy();
  }

  private report(name: string): void {
    const writer = new FrameWriter({ boot: samples.birth.boot, secretHash: secretHash(`${name}-secret`) });
    this.timer = setInterval(() => {
      const values = METRICS.map(() => Math.random() * 100);
      for (const payload of writer.add({ schema: samples.birth.schema, ts: Date.now(), values }, METRICS)) {
        this.id = (this.id % 65_535) + 1;
        this.saidAt.set(this.id, performance.now());
        this.socket.write(publishPacket(`s/1/${name}/m`, payload, { id: this.id }));
      }
    }, EVERY_MS);
  }

  private heard(id: number): void {
    this.waits.push(performance.now() - (this.saidAt.get(id) ?? Number.NaN));
    this.saidAt.delete(id);
  }
}
