import { command, end, type KnownCause, restart, unitLog } from './cause.ts';
import { TARGET } from './failing.ts';
import { isFilling } from './filling.ts';

/** One program that writes without pause: the disk is the victim. */
const logFlood: KnownCause = {
  id: 'log-flood',
  class: 'log-flood',
  find: (signs) => {
    const dropped = signs.line(
      /(?:suppressed \d+ messages from|drop messages from|rate.?limit\w*.{0,30}(?:messages|lines)|messages lost|debug (?:level|logging|mode)|log_?level debug)/i,
    );
    const rate = signs.metric(/^(?:log|journal)\..*(?:lines|flood|bytes)|log\.flood/);
    const mount = signs.fullMount();
    if (
      (rate === undefined && dropped === undefined) ||
      (!signs.hasSignal('log.flood', 'journal.flood') && !isFilling(signs))
    )
      return null;
    const from = signs.line(/(?:messages from|from unit) ([\w@.-]+?)(?:\.service)?\b/)?.groups[0];
    const own = signs.units.find((one) => rate?.label === one) ?? signs.ownUnit;
    const told = signs.units.find((one) => from !== undefined && one.startsWith(from));
    const unit = own ?? told ?? signs.units[0];
    const writer = signs.processes.find((one) => signs.unitOf(one) === unit);
    const change = signs.since(unit, writer && signs.program(writer), 'log_level', 'loglevel');
    const retries = signs.line(/retry(?:ing)?|reconnect/i) === undefined ? '' : ', retrying without a pause';
    return {
      sentence: `${writer === undefined ? (unit ?? 'A program') : `${unit ?? ''} ${signs.name(writer)}`.trim()} floods the log${rate?.words ? ` (${rate.words.replace(/ per minute$/, '')} lines a minute)` : ''}${retries}${mount === undefined ? '' : `, and the log (journal) grows until it fills ${mount}`}${/debug/i.test(change.words) ? ', at debug level' : ''}${change.words}.`,
      evidence: [...signs.main, ...(dropped === undefined ? [] : [dropped.id]), ...change.ids],
      commands: [
        command('journalctl --vacuum-size=200M', 'Gives back the space of old journal files.'),
        ...(own === undefined ? [] : [restart(own)]),
        ...(unit === undefined ? [] : [unitLog(unit)]),
      ],
      sure: 'decisive',
      ...(mount === undefined ? {} : { fills: 'log' as const }),
      // Old lines make room; who writes them is still to be found.
      ...(own === undefined ? { person: true as const } : {}),
    };
  },
};

const journal: KnownCause = {
  id: 'journal',
  class: 'journal-oversize',
  find: (signs) => {
    const line = signs.line(
      /journal.{0,40}(?:currently using|takes? up|is using) ?([\d.]+ ?[GM])|\/var\/log\/journal/i,
    );
    if (line === undefined || !isFilling(signs)) return null;
    const behind = signs.metric(/certificate/);
    const victim =
      behind === undefined
        ? ''
        : `; for want of space the certificate ${behind.label ?? ''} (${behind.words} left) could not be renewed and expires`;
    const job = behind === undefined ? undefined : signs.unitLike(/certbot|acme|lego|renew/);
    return {
      sentence: `The system journal has grown until it fills the disk ${signs.fullMount()}${victim}.`,
      evidence: [line.id, ...signs.main],
      commands: [
        command('journalctl --vacuum-size=200M', 'Gives back the space of old journal files.'),
        ...(job === undefined
          ? []
          : [command(`systemctl start ${job}`, 'Renews the certificate now that there is space.')]),
      ],
      sure: 'decisive',
      fills: 'log',
    };
  },
};

/** A shipper that can't deliver keeps everything: in memory or on the disk. */
const shipper: KnownCause = {
  id: 'log-shipper',
  class: 'log-shipper-stuck',
  find: (signs) => {
    const program =
      /\b(?:fluent-?bit|fluentd|td-agent|filebeat|metricbeat|vector|promtail|logstash|rsyslogd?|syslog-ng|otelcol|alloy|telegraf|nxlog)\b/;
    const line = signs.line(
      /(?:failed to (?:flush|send|deliver|publish|push|write|forward|ship)|buffer fullness|metric buffer overflow|error sending batch|cluster_block_exception|no upstream|retries exhausted|service call failed|buffer (?:is )?(?:full|overflow)|queue (?:is )?full|back-?pressure|(?:429|503|connection refused|could not connect|timed? ?out).{0,60}|(?:action|omfwd).{0,40}suspended)/i,
    );
    const process = signs.process(program);
    const unit = signs.unitLike(program) ?? (process && signs.unitOf(process));
    // It must be the shipper that says so, of what it sends: a collector whose inputs fail ships well.
    if (line === undefined || !program.test(line.text) || /\binputs?\b[.: \]]/i.test(line.text)) return null;
    if (process === undefined && unit === undefined) return null;
    // What can't deliver waits; what burns the processor does something, and then others can't deliver to it.
    if (signs.isAbout('host.cpu', 'host.load', 'group.cpu')) return null;
    const where = isFilling(signs) ? `fills the disk ${signs.fullMount()}` : 'grows in memory';
    const to = TARGET.exec(line.text)?.[1];
    const change = signs.since(
      'firewall',
      'nftables',
      'iptables',
      'route',
      'vlan',
      unit,
      process && signs.program(process),
    );
    return {
      sentence: `The log shipper ${process === undefined ? unit : signs.name(process)} is stuck: it can not deliver upstream${to === undefined ? '' : ` to ${to}`} (flush to its sink fails and is retried), and its buffer ${where}${change.words}.`,
      evidence: [line.id, ...signs.main, ...change.ids],
      commands: [
        ...(unit === undefined ? [] : [restart(unit), unitLog(unit)]),
        ...(unit === undefined && process !== undefined ? [end(process.process.pid)] : []),
      ],
      sure: 'decisive',
      ...(isFilling(signs) ? { fills: 'files' as const } : {}),
    };
  },
};

/** What writes too much, and what can't get rid of it. */
export const LOGS: readonly KnownCause[] = [shipper, logFlood, journal];
