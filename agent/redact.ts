/**
 * Takes secrets out of text before it leaves the host. Recall comes first: a harmless word that looks like a secret may
 * go too. Every pattern is linear: none has a repetition within a repetition, and input is cut first.
 */
const MASK = '[redacted]';
/** Longer text is cut before it is searched. */
const MAX_TEXT = 8_192;

const SECRET_WORD =
  'pass(?:word|wd|phrase)?|pwd|secret|token|api[-_]?key|apikey|access[-_]?key|private[-_]?key|auth|authorization|credentials?|cookie|session[-_]?id|bearer|dsn';

/** A name that ends in a secret's word, for instance `DB_PASSWORD` or `--aws-secret-access-key`. */
const SECRET_NAME = new RegExp(`^-{0,2}(?:[A-Za-z0-9]+[-_.]){0,6}(?:${SECRET_WORD})$`, 'i');
/** The same, with its value behind `=` or `:`. */
const ASSIGNED = new RegExp(
  `((?:${SECRET_WORD})["']?[ \\t]{0,4}[=:][ \\t]{0,4})(?:(?:bearer|basic|digest|token)[ \\t]{1,4})?("[^"]{0,4096}"?|'[^']{0,4096}'?|[^\\s,;&"']{1,4096})`,
  'gi',
);
/** Secrets that show what they are, whatever stands before them. */
const SHAPES: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*/g, MASK],
  [/\b([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/@:]{0,256}:[^\s/]{1,512}@/gi, `$1${MASK}@`],
  [/\b([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/@:]{20,512}@/gi, `$1${MASK}@`],
  [/\b(bearer|basic)[ \t]{1,4}[A-Za-z0-9._~+/=-]{8,4096}/gi, `$1 ${MASK}`],
  [/\beyJ[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9._-]{8,4096}/g, MASK],
  [/\b(?:AKIA|ASIA|AROA)[A-Z0-9]{16}\b/g, MASK],
  [/\b(?:gh[pousr]_|github_pat_|glpat-|xox[abprs]-|sk-|hf_|npm_|dop_v1_|SG\.)[A-Za-z0-9_.-]{16,512}/g, MASK],
  [/\$(?:2[aby]|5|6|y|argon2id?)\$[A-Za-z0-9./$=,+]{16,256}/g, MASK],
  [/\b(identified[ \t]{1,4}by[ \t]{1,4})'[^']{0,512}'?/gi, `$1${MASK}`],
];

/** Free text with what looks like a secret masked. Control bytes become blanks; the result is at most `max` long. */
export function redact(text: string, max = 512): string {
  let out = text.slice(0, MAX_TEXT).replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\u2028\u2029]/gu, ' ');
  for (const [shape, mask] of SHAPES) out = out.replace(shape, mask);
  out = out.replace(ASSIGNED, (_, name: string) => `${name}${MASK}`);
  return cut(out, max);
}

/**
 * A command line, argument by argument: `--password x` hides x, `-pSECRET` of the database clients too, and what
 * `redact` finds besides.
 */
export function redactArgv(argv: readonly string[], max = 512): string {
  const out: string[] = [];
  let length = 0;
  let hideNext = false;
  const tool = (argv[0] ?? '').split('/').at(-1) ?? '';
  for (const argument of argv) {
    if (length > max) break;
    const shown = hideNext ? MASK : redact(hideAttached(tool, argument), max);
    hideNext = !hideNext && argument.startsWith('-') ? takesSecret(tool, argument) : false;
    out.push(shown);
    length += shown.length + 1;
  }
  return cut(out.join(' '), max);
}

/** What asks for its secret in the next word. */
function takesSecret(tool: string, argument: string): boolean {
  if (SECRET_NAME.test(argument)) return true;
  if (argument === '-u' || argument === '--user' || argument === '--proxy-user') return tool === 'curl';
  if (argument === '-a') return tool === 'redis-cli';
  if (argument === '-p') return tool === 'sshpass';
  if (argument === '-w') return tool.startsWith('ldap');
  return argument === '-H' || argument === '--header' ? false : /^-{1,2}(?:pw|key-?data)$/i.test(argument);
}

const ATTACHED: Readonly<Record<string, string>> = {
  mysql: '-p',
  mysqldump: '-p',
  mysqladmin: '-p',
  mariadb: '-p',
  'mariadb-dump': '-p',
  sshpass: '-p',
  '7z': '-p',
};

function hideAttached(tool: string, argument: string): string {
  const flag = ATTACHED[tool];
  if (flag === undefined || !argument.startsWith(flag) || argument.length === flag.length) return argument;
  return `${flag}${MASK}`;
}

const cut = (text: string, max: number): string =>
  text.length <= max ? text : `${text.slice(0, Math.max(0, max - 1))}…`;
