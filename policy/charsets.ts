import type { Language } from './languages.ts';
import type { Kind } from './schema.ts';

/** Words of a path or query behind which something acts, or shows what is private. */
const ACTING =
  /shutdown|restart|reboot|reload|refresh|quit|stop|kill|abort|cancel|delet|remov|destroy|drop|purge|flush|clear|reset|disable|enable|drain|toggle|exec|invoke|trigger|deploy|promote|failover|dump|pprof|profile|configprops|logfile|trace|secret|passw|token|credential|api_?key|private|user|session|login|logout|upload|write|update|creat|insert|meta-?data|security|jolokia|cgi|phpinfo|jmx|_search|_all|_sql|_bulk|_source|_doc|backup|export|config|admin|script|eval|debug|sudo|shell|[/?&](?:run|env|set|put|kv|keys|cmd|command|action|do|op|url|host|file|path|redirect|callback|latest)(?:[/?&=]|$)|\/[.~]|:(?:2375|2376|10250|10255)(?:\/|$)/
    .source;
/** Paths that tell how a service is. */
const TELLING =
  /(?:health|ready|readiness|alive|live|status|metrics|ping|version|info|stat|targets|alerts|rules|query|_cat|_cluster|_nodes|check|monitor|state|uptime|heartbeat)/
    .source;
const URL_TEXT = new RegExp(
  `^https?://(?!.*(?:${ACTING}))[a-z0-9.-]{1,253}(?::\\d{1,5})?(?:/?|/(?=.*${TELLING})[a-z0-9_./?&=+,:-]{1,512})$`,
  'i',
);

/**
 * The strict character set of each kind of operand. None of the kinds that name a thing can begin with `-`, hold a
 * blank or a metacharacter: a name is never a flag, whatever the inventory claims.
 */
export const CHARSETS: Readonly<Record<Exclude<Kind, 'enum' | 'match' | Language>, RegExp>> = {
  text: /^[\x20-\x7e]{0,2048}$/,
  word: /^[A-Za-z0-9_@%+=:,./^][A-Za-z0-9_@%+=:,./^-]{0,255}$/,
  integer: /^\d{1,12}$/,
  signed: /^[+-]?\d{1,12}[A-Za-z]?$/,
  size: /^[+-]?\d{1,12}(?:\.\d{1,3})?[bcwkKMGTP]?(?:i?B)?$/,
  duration: /^(?:\d{1,9}(?:\.\d{1,3})?(?:us|ms|s|sec|m|min|h|d|w|days?|hours?|weeks?|months?|years?)? ?){1,4}$/,
  time: /^[+-]?(?:@\d{1,12}|\d[\dTZ :.+-]{0,31}|\d{1,6} ?(?:s|sec|seconds?|m|min|minutes?|h|hours?|d|days?|w|weeks?|months?|years?)(?: ago)?|now|today|yesterday|tomorrow)$/,
  signal: /^(?:SIG)?(?:HUP|INT|TERM|USR1|USR2|CONT|QUIT|KILL|STOP|WINCH)$|^\d{1,2}$/,
  unit: /^[A-Za-z0-9_][A-Za-z0-9:_.@-]{0,127}$/,
  'unit-glob': /^[A-Za-z0-9_*][A-Za-z0-9:_.@*-]{0,127}$/,
  mount: /^\/[A-Za-z0-9_@%+=:,./-]{0,1023}$/,
  device: /^\/dev\/[A-Za-z0-9_][A-Za-z0-9_/.:-]{0,127}$/,
  pid: /^[1-9]\d{0,6}$/,
  pids: /^[1-9]\d{0,6}(?:,[1-9]\d{0,6}){0,15}$/,
  host: /^[A-Za-z0-9](?:[A-Za-z0-9._:-]{0,252}[A-Za-z0-9])?$|^::1$/,
  station: /^\/dev\/tty(?:USB|ACM|S|AMA|mxc|O)\d{1,3}$|^[A-Za-z0-9](?:[A-Za-z0-9._:-]{0,252}[A-Za-z0-9])?$/,
  url: URL_TEXT,
  port: /^\d{1,5}$/,
  container: /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/,
  user: /^[a-z_][a-z0-9_-]{0,31}$/,
  interface: /^[a-z][A-Za-z0-9_.@:-]{0,31}$/,
  package: /^[a-z0-9][A-Za-z0-9.+:_-]{0,127}$/,
  key: /^[a-z][A-Za-z0-9_./-]{0,127}$/,
  'path-read': /^[A-Za-z0-9_@%+=:,./^ -]{1,1024}$/,
  'path-list': /^[A-Za-z0-9_@%+=:,./^ -]{1,1024}$/,
  'path-tree': /^[A-Za-z0-9_@%+=:,./^ -]{1,1024}$/,
  'path-write': /^[A-Za-z0-9_@%+=:,./^ -]{1,1024}$/,
  'path-delete': /^[A-Za-z0-9_@%+=:,./^ -]{1,1024}$/,
};
