import { connect } from 'node:net';
import { skSignatureOf } from './ssh-sk.ts';
import { SSH_ED25519, type SshKey, SshReader, SshShapeError, sshKeyBlob, sshKeyOf, sshString } from './ssh-wire.ts';

/** Message numbers of draft-ietf-sshm-ssh-agent, section 6.1. */
const ASK_IDENTITIES = 11;
const IDENTITIES = 12;
const ASK_SIGNATURE = 13;
const SIGNATURE = 14;
/** OpenSSH's own bound of one message. */
const MESSAGE_MAX = 262_144;
/** An agent may ask its user first (`ssh-add -c`), and a security token waits for a touch. */
export const AGENT_ANSWER_MS = 60_000;

/** Why an ssh-agent did not help. */
export class SshAgentError extends Error {
  readonly code = 'E_SSH_AGENT';
}

/** The Ed25519 keys that the agent at this socket holds, in its order, security tokens' among them; other types are left out. Throws SshAgentError. */
export async function agentKeys(socket: string): Promise<readonly SshKey[]> {
  const answer = await ask(socket, Buffer.from([ASK_IDENTITIES]));
  return reading(() => {
    if (answer.byte() !== IDENTITIES) throw new SshAgentError('the ssh-agent lists no keys');
    const found: SshKey[] = [];
    for (let left = answer.number(); left > 0; left--) {
      const key = sshKeyOf(answer.string());
      answer.string();
      if (key !== null) found.push(key);
    }
    return found;
  });
}

/** The agent's Ed25519 signature over these bytes, as SSH's blob with its type. Throws SshAgentError. */
export async function agentSign(socket: string, { key, sk }: SshKey, message: Uint8Array): Promise<Uint8Array> {
  const flags = Buffer.alloc(4);
  const question = [Buffer.from([ASK_SIGNATURE]), sshString(sshKeyBlob(key, sk)), sshString(message), flags];
  const answer = await ask(socket, Buffer.concat(question));
  return reading(() => {
    if (answer.byte() !== SIGNATURE)
      throw new SshAgentError('the ssh-agent does not sign with this key: it was refused, or `ssh-add` took it out');
    const blob = new Uint8Array(answer.string());
    const isOfThem = sk === undefined ? isPlain(blob) : skSignatureOf(blob) !== null;
    if (!isOfThem) throw new SshShapeError('another signature than was asked for');
    return blob;
  });
}

function isPlain(blob: Uint8Array): boolean {
  const reader = new SshReader(blob);
  return reader.string().toString('latin1') === SSH_ED25519 && reader.string().length === 64 && reader.isAtEnd;
}

function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SshShapeError)) throw error;
    throw new SshAgentError(`the ssh-agent's answer can't be read: ${error.message}`);
  }
}

/** One question, one answer, one connection. */
function ask(path: string, body: Uint8Array): Promise<SshReader> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const fail = (why: string) => {
      socket.destroy();
      reject(new SshAgentError(`${why} (SSH_AUTH_SOCK=${path})`));
    };
    let heard = Buffer.alloc(0);
    socket.setTimeout(AGENT_ANSWER_MS, () => fail('the ssh-agent does not answer'));
    socket.on('error', (error) => fail(`can't reach the ssh-agent: ${error.message}`));
    socket.on('close', () => fail('the ssh-agent closed the connection'));
    socket.on('data', (chunk) => {
      heard = Buffer.concat([heard, chunk]);
      if (heard.length < 4) return;
      const length = heard.readUInt32BE();
      if (length > MESSAGE_MAX) return fail('the ssh-agent answers too much');
      if (heard.length < 4 + length) return;
      resolve(new SshReader(heard.subarray(4, 4 + length)));
      socket.destroy();
    });
    socket.write(sshString(body));
  });
}
