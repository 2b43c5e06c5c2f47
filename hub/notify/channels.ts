import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { brokerUrl, type Credentials, CredentialsError, readCredentials } from '../../broker/credentials.ts';
import { ID } from '../../broker/topics.ts';
import { ConfigError, readConfigFile } from '../config-file.ts';
import { expression } from '../correlate/rules.ts';
import { STATES, type State } from '../incident.ts';
import { isTemplate, TEMPLATE_FIELDS } from './words.ts';

/** What is told unless the site says otherwise: what waits for a person, and that it is over. */
const TOLD: State[] = ['proposed', 'expired', 'escalated', 'failed', 'outcome_unknown', 'resolved'];
const TEXT = '[{severity}] {title} on {host}: {state}. Cause: {cause}. With {owner}. Look: sentinel incident show {id}';

const common = {
  name: z.string().regex(ID, 'write lower-case letters, digits and dashes, at most 48'),
  /** Which incidents; absent: all. */
  match: expression.optional(),
  states: z.array(z.enum(STATES)).min(1).default(TOLD),
  text: z
    .string()
    .max(1_000)
    .refine(isTemplate, `write text with {name} for one of ${TEMPLATE_FIELDS.join(', ')}`)
    .default(TEXT),
  /** More wait: a storm must not make a person mute the channel. */
  per_minute: z.int().min(1).max(600).default(20),
};
const file = z.string().min(1).max(4_096);
const http = { ...common, url: z.string().max(2_048), token_file: file.optional(), ca_file: file.optional() };

const notifyFile = z.strictObject({
  version: z.literal(1, 'write "version: 1"'),
  channels: z
    .array(
      z.discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('webhook'), ...http }),
        z.strictObject({ kind: z.literal('slack'), ...http }),
        z.strictObject({
          kind: z.literal('mqtt'),
          ...common,
          url: z.string().max(2_048),
          topic: z
            .string()
            .min(1)
            .max(256)
            .regex(/^[^+#\0$][^+#\0]*$/, 'write a topic without + and #'),
          credentials: file.optional(),
        }),
      ]),
    )
    .max(16)
    .default([]),
});

type ChannelFile = z.infer<typeof notifyFile>['channels'][number];

/** How a channel is reached: everything that its files hold is read when the hub starts. */
export type Route =
  | {
      readonly kind: 'webhook' | 'slack';
      readonly url: URL;
      readonly token: string | null;
      readonly ca: string | null;
    }
  | { readonly kind: 'mqtt'; readonly url: URL; readonly topic: string; readonly credentials: Credentials | null };

/** One way by which people or programs of the site are told of incidents. */
export interface Channel extends Pick<ChannelFile, 'name' | 'match' | 'states' | 'text' | 'per_minute'> {
  readonly route: Route;
}

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/;

/** Reads `notify.yaml`; without the file there is no channel, and nobody is told. Throws ConfigError. */
export function readChannels(path: string): readonly Channel[] {
  const { channels } = readConfigFile(path, notifyFile, { version: 1, channels: [] });
  const names = new Set(channels.map(({ name }) => name));
  if (names.size !== channels.length) throw new ConfigError(path, 1, 'two channels have one name', 'rename one');
  return channels.map((one) => {
    try {
      const { name, match, states, text, per_minute } = one;
      return { name, match, states, text, per_minute, route: routeOf(one) };
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      throw new ConfigError(path, 1, `channel ${one.name} can’t be reached`, error.message);
    }
  });
}

function routeOf(channel: ChannelFile): Route {
  const { kind } = channel;
  if (kind === 'mqtt') {
    const { topic, credentials } = channel;
    const route = { kind, url: brokerUrl(channel.url), topic };
    return { ...route, credentials: credentials === undefined ? null : readCredentials(credentials) };
  }
  const url = URL.canParse(channel.url) ? new URL(channel.url) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    // It may be a secret itself, and this goes to the log.
    throw new Error('its url is no address: write https://HOST/PATH');
  }
  if (url.username !== '' || url.password !== '') {
    throw new CredentialsError('an address holds no user and no password: name a file with token_file');
  }
  const { token_file, ca_file } = channel;
  if (token_file !== undefined && url.protocol === 'http:' && !LOOPBACK.test(url.hostname)) {
    throw new Error('over http the token would travel as it is: write https, and name the CA with ca_file');
  }
  const token = token_file === undefined ? null : readFileSync(token_file, 'utf8').trim();
  if (token !== null && !/^[\x21-\x7e]{1,4096}$/.test(token))
    throw new Error(`${token_file} holds no token: write one line`);
  return { kind, url, token, ca: ca_file === undefined ? null : readFileSync(ca_file, 'utf8') };
}
