import { createServer, type Socket } from 'node:net';
import { type KeyPair, signBytes } from '../../broker/keys.ts';
import { type SshKey, SshReader, sshKeyBlob, sshString } from '../../broker/ssh-wire.ts';
import type { SoftToken } from './soft-token.ts';

/** An ssh-agent of the test's own, which speaks what OpenSSH's speaks (held against it in test/system/sshsig.test.ts). */
export interface AgentServer {
  readonly socket: string;
  /** What is answered instead, byte by byte; undefined: what an agent answers. */
  instead: Uint8Array | undefined;
  close(): Promise<void>;
}

export async function openAgent(
  socket: string,
  keys: readonly KeyPair[],
  tokens: readonly SoftToken[] = [],
): Promise<AgentServer> {
  const sockets = new Set<Socket>();
  const count = Buffer.alloc(4);
  count.writeUInt32BE(keys.length + tokens.length + 1);
  // One of another type among them, as people have.
  const foreign = Buffer.concat([sshString('ssh-rsa'), sshString('e'), sshString('n')]);
  const blobOf = ({ key, sk }: SshKey) => sshKeyBlob(key, sk);
  const own = [...keys.map((pair) => sshKeyBlob(pair.public)), ...tokens.map(({ key }) => blobOf(key))];
  const listed = [foreign, ...own].flatMap((blob) => [sshString(blob), sshString('a comment')]);
  const answerTo = (question: SshReader): Uint8Array => {
    if (question.byte() === 11) return Buffer.concat([Buffer.from([12]), count, ...listed]);
    const blob = question.string();
    const token = tokens.find(({ key }) => blobOf(key).equals(blob));
    if (token !== undefined)
      return Buffer.concat([Buffer.from([14]), sshString(token.blob(new Uint8Array(question.string())))]);
    const pair = keys.find((one) => sshKeyBlob(one.public).equals(blob));
    if (pair === undefined) return Buffer.from([5]);
    const signature = [sshString('ssh-ed25519'), sshString(signBytes(new Uint8Array(question.string()), pair))];
    return Buffer.concat([Buffer.from([14]), sshString(Buffer.concat(signature))]);
  };
  const agent: AgentServer = { socket, instead: undefined, close: () => Promise.resolve() };
  const server = createServer((peer) => {
    sockets.add(peer);
    peer.on('error', () => {});
    let heard = Buffer.alloc(0);
    peer.on('data', (chunk) => {
      heard = Buffer.concat([heard, chunk]);
      if (heard.length < 4 || heard.length < 4 + heard.readUInt32BE()) return;
      const reader = new SshReader(heard.subarray(4));
      heard = Buffer.alloc(0);
      if (agent.instead === undefined) peer.write(sshString(answerTo(reader)));
      else peer.end(agent.instead);
    });
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  agent.close = async () => {
    for (const peer of sockets) peer.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return agent;
}

/** An unencrypted private key as `ssh-keygen` writes it (openssh, PROTOCOL.key). */
export function opensshText(pair: KeyPair, change: (body: Buffer) => Uint8Array = (body) => body): string {
  const seed = Buffer.from(pair.secret.export({ format: 'jwk' }).d ?? '', 'base64url');
  const one = Buffer.from([0, 0, 0, 1]);
  const secret = Buffer.concat([
    ...[one, one, sshString('ssh-ed25519'), sshString(pair.public)],
    ...[sshString(Buffer.concat([seed, pair.public])), sshString('ann@plant-7'), Buffer.from([1, 2, 3])],
  ]);
  const body = Buffer.concat([
    ...[Buffer.from('openssh-key-v1\0'), sshString('none'), sshString('none'), sshString(''), one],
    ...[sshString(sshKeyBlob(pair.public)), sshString(secret)],
  ]);
  const lines = Buffer.from(change(body))
    .toString('base64')
    .match(/.{1,70}/g);
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...(lines ?? []), '-----END OPENSSH PRIVATE KEY-----', ''].join('\n');
}
