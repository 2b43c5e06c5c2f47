import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import { ConfigError, readConfigFile } from '../../config-file.ts';

const endpointFile = z.strictObject({
  version: z.literal(1, 'write "version: 1"'),
  /** Who its answers are by; `rules` is taken. */
  name: z
    .string()
    .regex(
      /^(?!(?:rules|own|none)$)[a-z0-9][a-z0-9-]{0,47}$/,
      'write lower-case letters, digits and dashes, at most 48',
    ),
  /** The interface's root: `/chat/completions` is added. */
  url: z.string().max(2_048),
  model: z.string().min(1).max(256),
  token_file: z.string().min(1).max(4_096).optional(),
  ca_file: z.string().min(1).max(4_096).optional(),
  /** How the form of the answer is asked for; whatever comes is read in the same way. */
  form: z.enum(['schema', 'grammar', 'none']).default('schema'),
  /** For one answer; less than all reasoners together have. */
  seconds: z.int().min(1).max(28).default(25),
  context_tokens: z.int().min(2_048).max(1_048_576).default(8_192),
});

/** A model that another program of the site serves: all that its files hold is read when the hub starts. */
export interface Endpoint extends Pick<z.infer<typeof endpointFile>, 'name' | 'model' | 'form' | 'context_tokens'> {
  readonly url: URL;
  readonly deadlineMs: number;
  /** Shown to that address alone, and never logged. */
  readonly token: string | null;
  readonly ca: string | null;
}

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/;

/** Reads `endpoint.yaml`; null without the file: no endpoint is ever asked. Throws ConfigError. */
export function readEndpoint(path: string): Endpoint | null {
  const file = readConfigFile<z.infer<typeof endpointFile> | null>(path, endpointFile, null);
  if (file === null) return null;
  const { name, model, form, context_tokens, seconds } = file;
  try {
    return { name, model, form, context_tokens, deadlineMs: seconds * 1_000, ...reachedBy(file) };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new ConfigError(path, 1, `endpoint ${name} can’t be asked`, error.message);
  }
}

function reachedBy(file: z.infer<typeof endpointFile>): Pick<Endpoint, 'url' | 'token' | 'ca'> {
  const root = URL.canParse(file.url) ? new URL(file.url) : null;
  if (root === null || !['http:', 'https:'].includes(root.protocol) || root.search !== '' || root.hash !== '') {
    // What was pasted there instead may hold a secret, and this goes to the log.
    throw new Error('its url is no address: write https://HOST:PORT/v1');
  }
  if (root.username !== '' || root.password !== '') {
    throw new Error('an address holds no user and no password: name a file with token_file');
  }
  const { token_file, ca_file } = file;
  if (token_file !== undefined && root.protocol === 'http:' && !LOOPBACK.test(root.hostname)) {
    throw new Error('over http the token would travel as it is: write https, and name the CA with ca_file');
  }
  const url = new URL(`${root.pathname.replace(/\/+$/, '')}/chat/completions`, root);
  return {
    url,
    token: token_file === undefined ? null : tokenOf(token_file),
    ca: ca_file === undefined ? null : readFileSync(ca_file, 'utf8'),
  };
}

function tokenOf(file: string): string {
  if ((statSync(file).mode & 0o007) !== 0)
    throw new Error(`everybody on this machine can read ${file}: chmod o= ${file}`);
  const token = readFileSync(file, 'utf8').trim();
  if (!/^[\x21-\x7e]{1,4096}$/.test(token)) throw new Error(`${file} holds no token: write one line`);
  return token;
}
