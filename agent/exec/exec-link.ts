import { connect, type Socket } from 'node:net';
import { Framed } from '../../broker/framed.ts';
import type { UpgradeAnswer } from '../../broker/upgrade-messages.ts';
import {
  type Answer,
  answer,
  type HaltRequest,
  type Hello,
  hello,
  type Request,
  type UpgradeRequest,
  type WordRequest,
} from './protocol.ts';

/** The executor is on this host, and is started by the connection where systemd holds the socket. */
const GREET_MS = 10_000;

/** What became of handing an order over: it was carried through, it was refused whole, or the connection went. */
export type Handed =
  | { readonly end: 'end' }
  | { readonly end: 'refused'; readonly code: string; readonly message: string }
  | { readonly end: 'lost'; readonly sent: boolean };

/** The sensing agent's side of the executor's socket. Nothing here throws: what goes wrong is an answer. */
export class ExecLink {
  private readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** What the executor says that it would do; null when it can't be reached. */
  ask(): Promise<Hello | null> {
    return new Promise((resolve) => {
      const { socket, link } = this.open();
      const give = (what: Hello | null) => {
        resolve(what);
        socket.destroy();
      };
      link.on('message', (value) => give(read(hello, value)));
      link.on('close', () => give(null));
    });
  }

  /** Tells of a halt; resolves false when the executor could not be reached or did not believe it. */
  halt(request: HaltRequest): Promise<boolean> {
    return this.tell(request);
  }

  /** Tells what the hub tells all, while an order is under way; resolves as halt does, and false by one of a version before. */
  hear(request: WordRequest): Promise<boolean> {
    return this.tell(request);
  }

  private tell(request: HaltRequest | WordRequest): Promise<boolean> {
    return new Promise((resolve) => {
      const { socket, link, greeted } = this.open();
      let sent = false;
      link.on('close', () => resolve(false));
      link.on('message', (value) => {
        if (!sent && read(hello, value) !== null) {
          greeted();
          sent = true;
          return link.send(request);
        }
        resolve(read(answer, value)?.kind === 'end');
        socket.destroy();
      });
    });
  }

  /** Hands a word about an upgrade over; resolves null when the executor could not be reached or says nothing of it. */
  upgrade(request: UpgradeRequest): Promise<UpgradeAnswer | null> {
    return new Promise((resolve) => {
      const { socket, link, greeted } = this.open();
      let sent = false;
      link.on('close', () => resolve(null));
      link.on('message', (value) => {
        if (!sent && read(hello, value) !== null) {
          greeted();
          sent = true;
          return link.send(request);
        }
        const said = read(answer, value);
        if (said?.kind === 'refused')
          resolve({
            state: 'refused',
            code: cut(said.code ?? 'E_INTERNAL', 64),
            message: cut(said.message ?? '', 240),
          });
        else resolve(said?.upgrade ?? null);
        socket.destroy();
      });
    });
  }

  /** Hands one order over; `report` hears of every step. */
  hand(request: Request, report: (report: NonNullable<Answer['report']>) => void): Promise<Handed> {
    return new Promise((resolve) => {
      const { socket, link, greeted } = this.open();
      let sent = false;
      const give = (what: Handed) => {
        resolve(what);
        socket.destroy();
      };
      link.on('close', () => give({ end: 'lost', sent }));
      link.on('message', (value) => {
        if (!sent) {
          if (read(hello, value) === null) return give({ end: 'lost', sent });
          greeted();
          sent = true;
          return link.send(request);
        }
        const said = read(answer, value);
        if (said === null) return give({ end: 'lost', sent });
        if (said.kind === 'end') return give({ end: 'end' });
        if (said.kind === 'refused')
          return give({ end: 'refused', code: said.code ?? 'E_INTERNAL', message: said.message ?? '' });
        if (said.report !== undefined) report(said.report);
      });
    });
  }

  private open(): { readonly socket: Socket; readonly link: Framed; readonly greeted: () => void } {
    const socket = connect(this.path);
    const late = setTimeout(() => socket.destroy(), GREET_MS);
    socket.on('close', () => clearTimeout(late));
    return { socket, link: new Framed(socket), greeted: () => clearTimeout(late) };
  }
}

const cut = (said: string, most: number): string => said.slice(0, most);

function read<T>(shape: (value: unknown, path: string) => T, value: unknown): T | null {
  try {
    return shape(value, '');
  } catch {
    return null;
  }
}
