import { plainName } from '../../evidence/words.ts';
import { command, end, type KnownCause, restart, unitLog } from './cause.ts';
import { failing, isFailing, loops, TARGET } from './failing.ts';
import type { Signs } from './signs.ts';
import { STARTS } from './starts.ts';
import { UNEXPLAINED } from './unexplained.ts';

/** Another process has its port, most often an older copy. */
const port: KnownCause = {
  id: 'port',
  class: 'port-conflict',
  find: (signs) => {
    const line = signs.line(/address already in use|eaddrinuse|port (\d+) is already/i);
    const it = failing(signs);
    if (line === undefined || it === null) return null;
    const number =
      signs.line(/[:\s](\d{2,5})\D{0,12}(?:bind|address already in use)|port[ =:]+(\d{2,5})/i)?.groups.find(Boolean) ??
      signs.metric(/./)?.label?.match(/^\d+$/)?.[0];
    const bare = it.name.replace(/\.service$/, '');
    const told =
      number === undefined ? undefined : signs.told(new RegExp(`\\b(?:listens|port)\\b.{0,40}\\b${number}\\b`, 'i'));
    const holder =
      told?.process ??
      signs.processes.find(
        ({ cmd }) =>
          (number !== undefined && new RegExp(`\\b${number}\\b`).test(cmd.text)) ||
          cmd.text.split(/[\s/]/).includes(bare),
      );
    const own = it.own && holder !== undefined && !/^(?:sshd|systemd|dockerd)$/.test(holder.process.comm);
    return {
      sentence: `${it.name} can not start: its port ${number ?? ''} is taken (address already in use): another process, ${holder === undefined ? 'often an older copy of itself,' : signs.name(holder)} holds it.`,
      evidence: [line.id, ...signs.main, ...(holder === undefined ? [] : signs.itemOf(holder))],
      commands: [command('ss -ltnp', 'Shows who listens on which port.'), ...(own ? [end(holder.process.pid)] : [])],
      sure: 'decisive',
      ...(own ? {} : { person: true }),
    };
  },
};

/** What a killed process left behind keeps the next one out. */
const staleLock: KnownCause = {
  id: 'stale-lock',
  class: 'stale-lock',
  find: (signs) => {
    const line = signs.line(
      /already locked(?: by)?|lock file .{0,40}exists|could not (?:get|acquire) lock|fail\w* to (?:create\/)?acquire .{0,12}lock|stale (?:lock|pid)|pid ?file .{0,60}(?:exists|stale)|another instance is (?:already )?running|repository is .*locked/i,
    );
    const it = failing(signs);
    if (
      line === undefined ||
      it === null ||
      !(
        isFailing(signs) ||
        signs.hasSignal('log.errors', 'log.new_error') ||
        /timer|age/.test(signs.evidence.event.metric ?? '')
      )
    )
      return null;
    const unlocks = it.own && signs.line(/repository/i) !== undefined;
    return {
      sentence: `${it.name} fails at each run, since a stale lock that a dead process left behind keeps it out${signs.line(/\.timer/) === undefined ? '' : ' (the job of its timer fails)'}.`,
      evidence: [line.id, ...signs.main],
      commands: [
        ...it.look,
        ...(unlocks ? [command('restic unlock', 'Removes locks whose process is gone, and no others.')] : []),
      ],
      sure: 'decisive',
      ...(unlocks ? {} : { person: true }),
    };
  },
};

/** What came up behind a line: an address, an interface, a mount or a service that others waited for. */
function cameLater(signs: Signs, after: string): { readonly who: string; readonly id: string } | undefined {
  const lines = signs.lines();
  const at = lines.findIndex(({ id }) => id === after);
  const ready =
    /address add|entering master state|gained carrier|link becomes ready|dhcp.{0,40}(?:bound|lease|address)|interface .{0,40}\bup\b|\bmounted\b|finished |started |listening on|reached target network|ready (?:to accept|for) connections/i;
  for (const { id, text } of lines.slice(Math.max(0, at + 1))) {
    const from = /^(?:\d+ times: )?([\w@.-]+)(?:\[\d+\])?:/.exec(text)?.[1];
    const unit = /\b(?:finished|started|mounted) ([\w@.\\-]+\.(?:service|mount|target|socket))/i.exec(text)?.[1];
    const who = from === 'systemd' || from === 'kernel' ? unit : (unit ?? from);
    if (ready.test(text) && who !== undefined) return { who: plainName(who), id };
  }
  return undefined;
}

/** At boot before what it needs: started now, it works. */
const ordering: KnownCause = {
  id: 'boot-order',
  class: 'boot-ordering',
  find: (signs) => {
    const unit = signs.unit;
    const booted =
      signs.hasSignal('host.reboot') || (signs.metric(/uptime/)?.value ?? Number.POSITIVE_INFINITY) < 1_800;
    const line = signs.line(
      /network is unreachable|cannot assign requested address|no such device|dependency failed|not (?:yet )?(?:mounted|ready|available)|is empty|no such file or directory|name resolution|could not resolve|connection refused|no route to host/i,
    );
    if (unit === undefined || !booted || line === undefined || !isFailing(signs)) return null;
    const mount = signs
      .line(/mounted (?:[\w.@\\-]+\.mount)?[^/]{0,6}(\/[\w./-]+)|(\/(?:mnt|media|srv|data|opt)\/[\w./-]+)/i)
      ?.groups.find(Boolean);
    const net = signs.line(/unreachable|assign requested|resol|refused|route/i) !== undefined;
    const address = /cannot assign requested address/i.test(line.text)
      ? /\b((?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?|\[[0-9a-f:]{2,40}\]:\d{1,5})/i.exec(line.text)?.[1]
      : undefined;
    const later = cameLater(signs, line.id);
    const missing =
      mount !== undefined && !net
        ? `the mount ${mount.replace(/[._]$/, '')} was not mounted yet`
        : address !== undefined
          ? `the address ${address} that it binds to was not there yet`
          : net
            ? 'the network or another service was not ready yet'
            : 'its dependency was not ready yet';
    return {
      sentence: `${unit} was started at boot before what it depends on was there (unit ordering): ${missing}${later === undefined ? '' : `, ${later.who} came up only after it`}; started now, it works.`,
      evidence: [line.id, ...signs.main, ...(later === undefined ? [] : [later.id])],
      commands: [
        restart(unit),
        command(`systemctl cat ${unit}`, 'Shows its ordering: After= and RequiresMountsFor= are missing.'),
      ],
      sure: 'decisive',
    };
  },
};

/** The job of a timer failed and waits for its next time. */
const timer: KnownCause = {
  id: 'timer-job',
  class: 'timer-failed',
  find: (signs) => {
    const line = signs.line(/triggered by|\.timer\b/i);
    const unit =
      signs.units.find(
        (one) =>
          one.endsWith('.service') && (one === signs.unit || signs.units.includes(one.replace(/\.service$/, '.timer'))),
      ) ?? signs.unit?.replace(/\.timer$/, '.service');
    if (line === undefined || unit === undefined || !signs.units.includes(unit)) return null;
    const why =
      signs.line(/(?:connection|connect)[^:]{0,60}(?:refused|timed out|failed)|timed? ?out|no route/i) !== undefined
        ? 'what it connects to was not reachable at that time'
        : signs.line(/no space left/i) !== undefined
          ? 'there was no space left'
          : 'it ended with an error';
    return {
      sentence: `The job ${unit} of a timer failed (${why}), and would only be tried at the timer's next time.`,
      evidence: [line.id, ...signs.main],
      commands: [command(`systemctl start ${unit}`, 'Runs the job once, now.'), unitLog(unit)],
      sure: 'decisive',
    };
  },
};

/** It is sound, and what it needs is away. */
const dependency: KnownCause = {
  id: 'dependency',
  class: 'dependency-down',
  find: (signs) => {
    const line = signs.line(
      /(?:connection (?:refused|timed out|reset)|could not connect|failed to connect|no route to host|name or service not known|temporary failure in name resolution|upstream (?:returned|timed out|unavailable))/i,
    );
    const it = failing(signs);
    if (line === undefined || it === null || !isFailing(signs)) return null;
    const to = TARGET.exec(line.text)?.[1];
    const change = signs.since('firewall', 'nftables', 'iptables', 'route', 'vlan', 'dns', 'proxy');
    return {
      sentence: `${it.name} fails since something that it depends on${to === undefined ? '' : ` (${to})`} does not answer (connection refused, timed out or not resolved)${change.words}.`,
      evidence: [line.id, ...signs.main, ...change.ids],
      commands: [...it.look, command('ss -tn state established', 'Shows which connections stand.')],
      sure: 'likely',
      person: true,
    };
  },
};

/** A change just before is the first suspect of whatever does not start. */
const upgrade: KnownCause = {
  id: 'upgrade',
  class: 'bad-upgrade',
  find: (signs) => {
    const it = failing(signs);
    if (!isFailing(signs) || it === null) return null;
    const change = signs.since(it.name.replace('Container ', ''));
    if (change.ids.length === 0) return null;
    const undo =
      change.package === null || !it.own
        ? []
        : [
            command(
              `apt-get install --allow-downgrades -y ${change.package[0]}=${change.package[1]}`,
              'Goes back to the version that worked.',
            ),
          ];
    return {
      sentence: `${it.name} ${loops(signs) ? 'is in a crash loop' : 'fails'}${change.words}.`,
      evidence: [...signs.main, ...change.ids],
      commands: [...it.look, ...(loops(signs) ? it.halt : []), ...undo],
      sure: 'likely',
      ...(it.own && (loops(signs) || undo.length > 0) ? {} : { person: true }),
    };
  },
};

export const SERVICES: readonly KnownCause[] = [
  port,
  ordering,
  staleLock,
  timer,
  ...STARTS,
  upgrade,
  dependency,
  ...UNEXPLAINED,
];
