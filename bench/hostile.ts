import { type ChildProcess, fork } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { secretHash } from '../broker/enroll.ts';
import { FrameWriter } from '../test/broker/frame-writer.ts';
import { connectPacket, publishPacket, RawReader } from '../test/broker/mqtt-bytes.ts';
import * as samples from '../test/broker/samples.ts';
import type { Attack } from './hostile-clients.ts';
import { METRICS } from './ingest-server.ts';
import { type Emit, percentile } from './row.ts';

const SERVER = fileURLToPath(new URL('./ingest-server.js', import.meta.url));
const CLIENTS = fileURLToPath(new URL('./hostile-clients.js', import.meta.url));
const ATTACKS: readonly Attack[] = ['flood', 'connects', 'dribble', 'malformed', 'frozen'];
/** Honest agents, of which each reports so often. The attackers have the names behind theirs. */
const HONEST = 20;
const AGENTS = 40;
const EVERY_MS = 100;
const PHASE_MS = 6_000;
/** Others' p99 under attack against that of the quiet phase right before. */
const AIM = 2;

/**
 * What honest agents feel of hostile clients: the 99th percentile of the time from a report to its PUBACK, which comes
 * after the commit, in quiet and under each attack in turn. The attackers are a process of their own; on few cores they
 * also take the broker's time as any busy process does, which this can't tell apart.
 */
export async function hostileBench(emit: Emit): Promise<boolean> {
  const server = fork(SERVER, ['ours', String(AGENTS)]);
  const port = await new Promise<number>((resolve, reject) => {
    server.once('message', (ready: { readonly port: number }) => resolve(ready.port));
    server.once('exit', (code) => reject(new Error(`the broker ended with ${code}`)));
  });
  const honest = await Promise.all(Array.from({ length: HONEST }, (_, i) => Honest.open(port, `agent-${i}`)));
  const waits = async (): Promise<readonly number[]> => {
    for (const one of honest) one.waits.length = 0;
    await new Promise((resolve) => setTimeout(resolve, PHASE_MS));
    return honest.flatMap((one) => one.waits);
  };
  let worst = 0;
  try {
    // The first phase warms both sides.
    await waits();
    for (const attack of ATTACKS) {
      const quiet = percentile(await waits(), 0.99);
      const attacker = fork(CLIENTS, [attack, String(port)]);
      const talking = attack === 'frozen' ? setInterval(() => server.send('talk'), 100) : undefined;
      const attacked = percentile(await waits(), 0.99);
      clearInterval(talking);
      await end(attacker);
      worst = Math.max(worst, attacked / quiet);
      emit({ bench: 'hostile', metric: `${attack}_quiet_p99`, value: quiet, unit: 'ms' });
      emit({
        bench: 'hostile',
        metric: `${attack}_p99`,
        value: attacked,
        unit: 'ms',
        baseline: 'quiet, right before',
        ratio: attacked / quiet,
      });
    }
    const cut = honest.filter(({ isCut }) => isCut).length;
    emit({ bench: 'hostile', metric: 'honest_cut', value: cut, unit: 'connections' });
    return worst <= AIM && cut === 0;
  } finally {
    for (const one of honest) one.close();
    server.send('end');
  }
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
