import { kindOfName } from './secret-names.ts';
import { MASK } from './secret-shapes.ts';

/** How a program takes its secret. */
interface Tool {
  /** Flags whose next word is the secret. */
  readonly next?: readonly string[];
  /** Flags that the secret is joined to, as in `-pSECRET`. */
  readonly joined?: readonly string[];
  /** Flags whose next word, or whose own rest, is `user:secret` or `user%secret`. */
  readonly pair?: readonly string[];
  /** `next` counts only once this word was seen. */
  readonly after?: string;
  /** The word after `after` is itself the secret. */
  readonly bare?: boolean;
}

const MYSQL: Tool = { joined: ['-p'] };
const MOSQUITTO: Tool = { next: ['-P'], joined: ['-P'] };
const SQLCMD: Tool = { next: ['-P'], joined: ['-P'] };
const SNMP: Tool = { next: ['-c', '-A', '-X', '-3m', '-3k'] };
const LDAP: Tool = { next: ['-w'], joined: ['-w'] };
const SMB: Tool = { pair: ['-U', '--user'] };
const LOGIN: Tool = { next: ['-p'], after: 'login' };
const HTTPIE: Tool = { pair: ['-a', '--auth'] };

const TOOLS: Readonly<Record<string, Tool>> = {
  curl: { pair: ['-u', '--user', '-U', '--proxy-user'] },
  mysql: MYSQL,
  mysqldump: MYSQL,
  mysqladmin: MYSQL,
  mysqlcheck: MYSQL,
  mariadb: MYSQL,
  'mariadb-dump': MYSQL,
  'mariadb-admin': MYSQL,
  '7z': MYSQL,
  '7za': MYSQL,
  sshpass: { next: ['-p'], joined: ['-p'] },
  'redis-cli': { next: ['-a'] },
  'valkey-cli': { next: ['-a'] },
  ldapsearch: LDAP,
  ldapmodify: LDAP,
  ldapadd: LDAP,
  ldapwhoami: LDAP,
  mongo: { next: ['-p'] },
  mongosh: { next: ['-p'] },
  mongodump: { next: ['-p'] },
  mosquitto_pub: MOSQUITTO,
  mosquitto_sub: MOSQUITTO,
  ipmitool: { next: ['-P'] },
  snmpget: SNMP,
  snmpwalk: SNMP,
  snmpbulkwalk: SNMP,
  snmpset: SNMP,
  smbclient: SMB,
  rpcclient: SMB,
  net: SMB,
  docker: LOGIN,
  podman: LOGIN,
  az: LOGIN,
  helm: LOGIN,
  vault: { after: 'login', bare: true },
  http: HTTPIE,
  https: HTTPIE,
  zip: { next: ['-P'] },
  unzip: { next: ['-P'] },
  sqlcmd: SQLCMD,
  bcp: SQLCMD,
  tsql: SQLCMD,
  isql: { next: ['-P'] },
  xfreerdp: { joined: ['/p:'] },
};

/** A word without what the line around it put there: `(curl`, `COMMAND=/usr/bin/mysql`, `a0="redis-cli"`, `'sshpass`. */
const WRAPPED = /^(?:[(["'`]|COMMAND=|a\d{1,2}=")*/;
const AUDIT = /^(a\d{1,2}=")(.*?)("?)$/;
/** What begins another command of the same line. */
const SEPARATOR = /^(?:\||\|\||&&|;|&)$/;

/** Whether any word of a text could be a program that takes a secret, or a flag for one: most lines have none. */
export const mayHoldArguments = (text: string): boolean =>
  /(?:^|[\s"'(])-{1,2}[a-z]|\/p:/i.test(text) || /\blogin\b|\bset\b/.test(text);

/**
 * The words of a command with its secrets masked: those behind a flag that names one (`--db-password x`), and those of
 * programs whose flags say nothing (`-p`, `-a`, `-u user:secret`). The number of words stays.
 */
export function hideArguments(words: readonly string[]): string[] {
  let tool: Tool | undefined;
  let seen = false;
  let hide: 'no' | 'word' | 'pair' = 'no';
  return words.map((word) => {
    const [, open = '', inner = word, close = ''] = AUDIT.exec(word) ?? [];
    if (hide !== 'no') {
      const how = hide;
      hide = 'no';
      // `--password --verbose` had no value.
      if (how === 'pair') return `${open}${hidePair(inner)}${close}`;
      if (!/^-{1,2}[a-z]/i.test(inner)) return `${open}${maskWord(inner)}${close}`;
    }
    const bare = word.replace(WRAPPED, '').replace(/["')]+$/, '');
    if (SEPARATOR.test(bare)) tool = undefined;
    const named = TOOLS[bare.split('/').at(-1) ?? ''];
    if (named !== undefined) {
      tool = named;
      seen = named.after === undefined;
      return word;
    }
    if (tool?.after === bare) {
      seen = true;
      if (tool.bare) hide = 'word';
      return word;
    }
    if (takesName(bare) || (seen && tool?.next?.includes(bare))) hide = 'word';
    else if (tool?.pair?.includes(bare)) hide = 'pair';
    else if (seen && tool !== undefined) return hideJoined(tool, word);
    return word;
  });
}

/** `--db-password`, `-remote.password`; and `aws_secret_access_key` of `configure set`, where no flag is. */
function takesName(word: string): boolean {
  if (/^-{1,2}[A-Za-z][\w.-]{2,80}$/.test(word)) return kindOfName(word) === 'sure' || /^-{1,2}pw$/.test(word);
  return /^aws_\w{1,60}$/.test(word) && kindOfName(word) === 'sure';
}

function hideJoined(tool: Tool, word: string): string {
  for (const flag of tool.joined ?? []) {
    if (word.startsWith(flag) && word.length > flag.length) return `${flag}${maskWord(word.slice(flag.length))}`;
  }
  for (const flag of tool.pair ?? []) {
    if (!flag.startsWith('--') && word.startsWith(flag) && word.length > flag.length) {
      return `${flag}${hidePair(word.slice(flag.length))}`;
    }
  }
  return word;
}

const hidePair = (word: string): string => word.replace(/^([^:%\s]{0,128}[:%]).+?(["')]*)$/s, `$1${MASK}$2`);

/** Keeps the quotes and the bracket that only the line around it has. */
const maskWord = (word: string): string => word.replace(/^(["']?).+?(["')]*)$/s, `$1${MASK}$2`);
