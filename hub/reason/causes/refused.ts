import { command, type KnownCause, unitLog, unitStatus } from './cause.ts';
import { failing, isFailing } from './failing.ts';
import type { Signs } from './signs.ts';

/** All lines that a pattern finds, as they stand there. */
const textsOf = (signs: Signs, pattern: RegExp) => signs.lines().filter(({ text }) => pattern.test(text));

/** The unit whose program wrote a line (`filebeat: ...`), where the host has it. */
export const speakerOf = (signs: Signs, text: string): string | undefined => {
  const from = /^(?:\d+ times: )?([\w@.-]+)[:/[]/.exec(text)?.[1];
  return from === undefined ? undefined : signs.units.find((unit) => unit === from || unit === `${from}.service`);
};

const connections = command('ss -tn state established', 'Shows which connections stand, and from where.');

/** A client whose password the other side no longer takes: starting it again changes nothing. */
const credentials: KnownCause = {
  id: 'client-credentials',
  class: 'credentials-refused',
  find: (signs) => {
    const line = signs.line(
      // `not well-formed (invalid token)` is what a parser of XML says.
      /\b40[13] (?:unauthori[sz]ed|forbidden)|unable to authenticate|security_exception|(?<!formed \()invalid (?:credentials|api key|token)|password (?:has )?expired/i,
    );
    const unit = line && speakerOf(signs, line.text);
    if (line === undefined || unit === undefined) return null;
    const bare = unit.replace(/\.service$/, '');
    const about = (signs.evidence.event.metric ?? '').includes(bare) || signs.hasSignal('log.errors', 'log.new_error');
    if (!about) return null;
    return {
      sentence: `${unit} delivers nothing, since the other side refuses its credentials (not authenticated): a password or token was changed there or has expired. Another start changes nothing.`,
      evidence: [line.id, ...signs.main],
      commands: [unitLog(unit), unitStatus(unit)],
      sure: 'decisive',
      person: true,
    };
  },
};

/** AppArmor or SELinux says no: rights of files are not the matter, and no restart helps. */
const policy: KnownCause = {
  id: 'policy-denial',
  class: 'policy-denied',
  find: (signs) => {
    const line = signs.line(
      /apparmor="?DENIED.{0,160}?profile="?(?:[^" ]*\/)?([\w.-]+)|avc:\s+denied.{0,120}?comm="?([\w.-]+)/i,
    );
    const it = failing(signs);
    const hurt = isFailing(signs) || signs.metric(/http|error|latency|fail|refus/) !== undefined;
    if (line === undefined || it === null || !hurt) return null;
    const change = signs.since(it.name, line.groups.find(Boolean), 'apparmor', 'selinux', 'datadir');
    return {
      sentence: `${it.name} ${isFailing(signs) ? 'can not start' : 'can not do what it should'}: the host's security policy (AppArmor profile or SELinux) denied ${line.groups.find(Boolean) ?? 'it'} what it needs${change.words}. Another start changes nothing.`,
      evidence: [line.id, ...signs.main, ...change.ids],
      commands: [...it.look, command('dmesg -T --level warn', 'Shows what the policy denied.')],
      sure: 'decisive',
      person: true,
    };
  },
};

const FAILED_LOGIN =
  /(?:auth(?:entication)? fail|failed password|invalid user|login failed).{0,160}?(?:rip=|rhost=|from |client )\[?((?:\d{1,3}\.){3}\d{1,3})/i;

/** Many failed logins from one address. */
const guessing: KnownCause = {
  id: 'password-guessing',
  class: 'password-guessing',
  find: (signs) => {
    const lines = textsOf(signs, FAILED_LOGIN);
    const from = lines.map(({ text }) => FAILED_LOGIN.exec(text)?.[1]);
    const address = from.find((one, i) => one !== undefined && from.indexOf(one) !== i);
    const rate = signs.metric(/(?:auth|login).*fail|fail.*(?:auth|login)/);
    const [first] = lines;
    if (first === undefined || address === undefined || rate === undefined) return null;
    const unit = speakerOf(signs, first.text) ?? signs.units[0];
    return {
      sentence: `Passwords are guessed from one address, ${address}: many logins${unit === undefined ? '' : ` at ${unit}`} fail (authentication, ${rate.words}), and take its login processes.`,
      evidence: [...lines.slice(0, 3).map(({ id }) => id), ...signs.main],
      commands: [...(unit === undefined ? [] : [unitLog(unit)]), connections],
      sure: 'decisive',
      person: true,
    };
  },
};

const DOWN = /server ([\w.-]+)\/([\w.-]+) is DOWN, reason: (Layer\d)[^,]*(?:, code: \d+)?(?:, info: "([^"]{0,60})")?/i;

/** Each server behind a proxy goes away for a reason of its own. */
const backends: KnownCause = {
  id: 'backends-down',
  class: 'backend-down',
  find: (signs) => {
    const lines = textsOf(signs, DOWN).slice(0, 4);
    // Such lines stand in a log for days: they explain only what the proxy has to do with.
    const about =
      signs.metric(/haproxy|proxy|backend|http|endpoint/) !== undefined ||
      signs.hasSignal('log.errors', 'log.new_error', 'endpoint.down');
    if (lines.length === 0 || !about) return null;
    const each = lines.map(({ text }) => {
      const [, , server = '', layer = '', info = ''] = DOWN.exec(text) ?? [];
      const why = /refused/i.test(info)
        ? 'nothing listens there any more (connection refused)'
        : /layer4/i.test(layer)
          ? 'it can not be reached (no TCP connection)'
          : /layer6/i.test(layer)
            ? 'its TLS handshake fails (most likely its certificate)'
            : 'it answers its check with an error or too late';
      return `${server}: ${why}`;
    });
    const unit = speakerOf(signs, lines[0]?.text ?? '');
    return {
      sentence: `Servers behind the proxy are down${each.length > 1 ? ', each for a reason of its own' : ''}: ${each.join('; ')}. The proxy itself is sound.`,
      evidence: [...lines.map(({ id }) => id), ...signs.main],
      commands: [...(unit === undefined ? [] : [unitLog(unit), unitStatus(unit)]), connections],
      sure: 'decisive',
      person: true,
    };
  },
};

/** What others refuse, the host's own policy among them: each is told by words that have no other reading. */
export const REFUSED: readonly KnownCause[] = [policy, credentials, guessing, backends];
