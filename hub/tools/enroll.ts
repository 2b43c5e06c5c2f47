import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Console, EXIT } from '../../broker/command-line.ts';
import type { Credentials } from '../../broker/credentials.ts';
import { writeDurably } from '../../broker/durable-file.ts';
import { keyFile, secretHash } from '../../broker/enroll.ts';
import type { StateFolder } from '../../broker/state-folder.ts';
import { actingOperator } from '../acts/acting.ts';
import { askHub } from '../acts/client.ts';
import type { Response } from '../acts/protocol.ts';
import { newTlsKey, pemOf } from '../site/site-ca.ts';
import { readStatus } from '../status.ts';

export interface ToolWish {
  readonly evidence: boolean;
  readonly sys: boolean;
  /** Where its credentials are written; absent: beside the other keys of this state folder. */
  readonly out?: string;
}

/** Where the credentials of a tool lie unless it was said otherwise. */
export const toolFile = (state: StateFolder, name: string): string => join(state.keys, `tool-${name}.json`);

/**
 * Takes a tool on at the hub that runs with this state folder, as its local operator, and writes the file with which it
 * connects. Throws ReachError when there is no hub; answers the hub's refusal otherwise.
 */
export async function takeToolOn(
  state: StateFolder,
  name: string,
  wish: ToolWish,
): Promise<{ readonly answer: Response; readonly file: string }> {
  const password = randomBytes(32).toString('hex');
  // On a site that other hosts reach, a tool there shows a certificate; its key never leaves this machine.
  const pair = existsSync(keyFile.siteCa(state)) ? newTlsKey() : null;
  const spki = pair?.publicKey.export({ format: 'der', type: 'spki' });
  const answer = await askHub(state, await actingOperator(state), {
    verb: 'tool',
    name,
    secret_sha256: Buffer.from(secretHash(password)).toString('hex'),
    evidence: wish.evidence,
    sys: wish.sys,
    ...(spki === undefined ? {} : { tls_key: new Uint8Array(spki) }),
  });
  const file = wish.out ?? toolFile(state, name);
  if (answer.ok === 'no') return { answer, file };
  const { address, tls } = readStatus(state) ?? {};
  const plain = address === undefined || address.includes('://') ? address : `mqtt://${address}`;
  // What shows a certificate may be anywhere; the plain listener is this machine's alone.
  const broker = pair === null ? plain : (tls ?? plain);
  const credentials: Credentials = {
    version: 1,
    username: name,
    password,
    ...(broker === undefined ? {} : { broker }),
    ...(pair === null || answer.text === undefined ? {} : ofTls(pemOf(pair.privateKey), answer.text)),
  };
  writeDurably(file, `${JSON.stringify(credentials, null, 2)}\n`, 0o600);
  return { answer, file };
}

/** `sentinel enroll --tool NAME`: says where the credentials are, or why there are none. */
export async function enrollTool(state: StateFolder, name: string, wish: ToolWish, io: Console): Promise<number> {
  const { answer, file } = await takeToolOn(state, name, wish);
  if (answer.ok === 'no') return refused(answer, io);
  io.stdout(`${name} may read view/1/# and ask on hub/req/${name}/#. Its credentials: ${file}`);
  return EXIT.done;
}

/** What a tool on another host shows, and what it holds the hub to: its own certificate comes first, then the CA's. */
function ofTls(key: string, chain: string): Pick<Credentials, 'key' | 'cert' | 'ca'> {
  const [cert = '', ca = ''] = chain.split(/(?<=-----END CERTIFICATE-----\n)/);
  return { key, cert, ca };
}

function refused(answer: Response, io: Console): number {
  io.stderr(`${answer.code ?? 'E_INTERNAL'}: ${answer.message ?? 'the hub refused'}`);
  return EXIT.no;
}
