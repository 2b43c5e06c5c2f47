/**
 * Which names hold a secret, and which values are none whatever their name: `DB_PASSWORD=hunter2` hides, `token_ttl=3600`,
 * `password_file=/run/secrets/db` and `secret: false` do not.
 */

/** A name that ends in one of these, its separators taken out, holds a secret: `dbPassword`, `X-Api-Key`, `SECRET_KEY_BASE`. */
const ENDINGS = new RegExp(
  `(?:password|passwd|passphrase|passcode|secret|token|apikey|accesskey|secretkey|privatekey|encryptionkey|signingkey|
  masterkey|accountkey|sharedkey|presharedkey|hmackey|appkey|keydata|keybase|credentials?|authorization|cookie|sessionid|
  sessid|(?:db|smtp|ftp|mail|user|admin|root)pass)$`.replace(/\s+/g, ''),
);
/** These are secrets only as a word of their own: `bypass` and `compass` are not. */
const WORDS = new Set(['pass', 'pwd', 'psk', 'dsn', 'pin', 'bearer']);
/** Words for secrets and for much else: only a value that looks like chance decides. */
const DOUBTFUL = new Set(['auth', 'sid', 'sig', 'signature', 'response', 'otp']);

/** `sure`: whatever the value is, unless it is harmless; `doubtful`: only when it looks like chance. */
export type NameKind = 'sure' | 'doubtful' | 'none';

/** What a name says of its value. Names come from hostile text: at most 128 characters are given in. */
export function kindOfName(name: string): NameKind {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z0-9]+/);
  const last = words.at(-1) ?? '';
  if (ENDINGS.test(words.join('')) || WORDS.has(last)) return 'sure';
  return DOUBTFUL.has(last) ? 'doubtful' : 'none';
}

/** What settings and sentences say where a secret could stand. */
const PLAIN = new Set(
  (
    'true false null nil none undefined yes no on off enabled disabled empty unset default required optional missing ' +
    'invalid incorrect wrong expired changed unchanged valid set reset rejected accepted denied failed failure ok ' +
    'files compat sss systemd ldap pam md5 peer trust basic bearer digest negotiate unknown prompt ask stdin and or the ' +
    'for is was not in of to from with too has must should authentication authenticated based'
  ).split(' '),
);
/** Already masked, by us or by others; or a place for something that is put in elsewhere. */
const MASKED =
  /^(?:\[redacted\]|<[a-z_ ]{1,40}>|[*x.\u2022#-]{3,}|\$\{?[A-Za-z_][\w.]*\}?|%[a-z(]\S{0,40}|\{\{.{0,80}\}\}?)$/i;
const PATH = /^(?:\/[\w.@%+-]+){2,}\/?$|^\/\w+$|^[A-Za-z]:\\/;

/** Whether a value is no secret though its name is one. */
export function isHarmless(name: string, value: string): boolean {
  if (value === '' || MASKED.test(value) || PLAIN.has(value.toLowerCase().replace(/[.,:;)]+$/, ''))) return true;
  if (PATH.test(value)) return true;
  // `pass=412` counts tests, and `tokens: 88` words; a password of few digits is still one.
  return /(?:^|[^a-z])(?:pass|token|cookie|auth)$/i.test(name) && /^\d{1,5}$/.test(value);
}

/** Long, and of more than one kind of character: nobody chose it to be read. */
export function looksRandom(value: string, least = 16): boolean {
  if (value.length < least || !/^[\w.~+/=%-]+$/.test(value)) return false;
  const kinds = [/[a-z]/, /[A-Z]/, /\d/].filter((kind) => kind.test(value)).length;
  return kinds >= 2 && /\d/.test(value);
}
