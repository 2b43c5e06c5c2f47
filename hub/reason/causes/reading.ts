import { splitMetric } from '../../evidence/names.ts';
import { number, oneLine, plainName, unitOf } from '../../evidence/words.ts';
import { command, type Found, type KnownCause, unitLog, unitStatus } from './cause.ts';
import { harmless, whatOf } from './changes.ts';
import { sayer } from './saying.ts';
import type { Signs } from './signs.ts';

/**
 * How an experienced person reads a trouble that is new to him: what is out of bounds beside the alert, what complains,
 * and what was changed of the same things. Nothing of it is a known cause; said together it is often near to one.
 */
const COMPLAINS =
  /\b(?:error|errors|fail(?:s|ed|ure|ures)?|fatal|critical|cannot|can't|could not|unable|denied|refused|rejected|invalid|missing|not found|no such|exception|panic|abort(?:ed)?|timed? ?out|timeout|unexpected|mismatch|expired|exceeded|lost|dropped|stalled|stuck|too (?:many|large|long|slow|small)|no (?:address|space|memory|route|response|answer|reply)|overflow|corrupt\w*|warn(?:ing)?|unavailable|unreachable|insufficient|exhausted|full)\b/i;
/** What stands in every log and says nothing. */
const IDLE =
  /^(?:\d+ times: )?(?:cron|crond|anacron|sshd|sudo|systemd-logind|auditd|smartd|logrotate)\b.{0,4}:|session (?:opened|closed)|accepted publickey|connection closed by|temperature_celsius|new session|started session|selected source|checkpoint (?:starting|complete)|deprecated/i;
const MANAGER = /^(?:\d+ times: )?systemd\b/;

/** Words of a text that tell things apart: names, addresses, devices, and no common word. */
const COMMON =
  /^(?:percent|count|error|errors|failed|service|total|used|free|hour|minute|second|seconds|value|rate|status|state|from|with|that|this|after|before|package|version|upgrade|upgraded|update|updated|kernel|systemd|system|host|server|client|request|response|connection|info|warning|level|message|messages|data|file|files|process|memory|disk|network|unit|container|time|timeout|latency|http|https|local|main|default|config|change|changed|other|usual)$/;
function namesIn(text: string): ReadonlySet<string> {
  const words = text.toLowerCase().match(/[a-z0-9][a-z0-9_.-]*[a-z0-9]/g) ?? [];
  const parts = words.flatMap((word) => [word, ...word.split(/[_.-]+/)]);
  return new Set(parts.filter((word) => word.length >= 3 && !COMMON.test(word) && !/^\d{1,3}$/.test(word)));
}

interface Suspect {
  readonly id: string;
  readonly what: string;
  readonly shared: number;
  readonly ago: number;
}

/** Changes that speak of things which the alert, what complains or another metric names too; the best first. */
function suspects(signs: Signs, complaints: readonly string[]): readonly Suspect[] {
  const { event, items, also = [], snapshot } = signs.evidence;
  const said = namesIn([event.metric ?? '', ...also.map(({ metric }) => metric ?? ''), ...complaints].join(' '));
  const main = namesIn(event.metric ?? '');
  const changes = [...(snapshot?.changes ?? [])].sort((a, b) => b.ts - a.ts).filter(({ ts }) => ts <= event.ts);
  return items
    .flatMap(({ id, kind, text }) => {
      const what = kind === 'change' ? whatOf(text) : null;
      if (what === null || !signs.isSound(id)) return [];
      const names = [...namesIn(what)];
      const shared = names.filter((name) => said.has(name)).length + names.filter((name) => main.has(name)).length;
      const ts = changes.find((one) => oneLine(one.what.text, 240).startsWith(what.slice(0, 40)))?.ts;
      return ts === undefined || event.ts - ts > WEEK_MS ? [] : [{ id, what, shared, ago: event.ts - ts }];
    })
    .sort((a, b) => Number(b.shared > 0) - Number(a.shared > 0) || Math.sign(b.shared - a.shared) || a.ago - b.ago);
}

const WEEK_MS = 8 * 86_400_000;
const DAY_MS = 86_400_000;
const WORDS = 110;

/** What is looked at for a metric of each kind. */
const LOOKS: readonly (readonly [RegExp, ReturnType<typeof command>])[] = [
  [
    /^(?:net|network|nic|link|tcp|udp|vpn|tunnel|bond|vlan|dhcp)[._]|retrans|packet|mtu|rtt|loss/,
    command('ip -s link', 'Shows each interface with its errors and drops.'),
  ],
  [
    /conn|sessions?|sockets?|tcp|port|client/,
    command('ss -tn state established', 'Shows which connections stand, and to whom.'),
  ],
  [/zfs|zpool/, command('zpool status', 'Shows the pools and their faults.')],
  [/lvm|thin|vg_|lv_/, command('lvs -a', 'Shows how full each volume and pool is.')],
  [/raid|\bmd\b|md\./, command('cat /proc/mdstat', 'Shows each array and its members.')],
  [/disk|fs|file_?system|inode|mount|volume|storage/, command('df -h', 'Shows how full the file systems are.')],
  [/await|iops|io_|busy/, command('iostat -x 1 3', 'Shows whether a disk keeps up.')],
  [/mem|swap|slab|huge|heap|oom/, command('free -m', 'Shows memory and swap.')],
  [/cpu|load|steal|irq|freq/, command('vmstat 1 3', 'Shows what the processors do, and what is stolen.')],
  [/clock|ntp|ptp|time_?sync|offset/, command('chronyc sources', 'Shows the sources and whether they answer.')],
  [/container|docker|pod\b/, command('docker ps --all', 'Shows the containers and their state.')],
  [/temp|fan|power|voltage|sensor/, command('sensors', 'Shows temperatures, fans and voltages.')],
  [
    /postgres|pg_|pg\./,
    command(
      "psql -X -c 'SELECT pid,state,wait_event_type,query FROM pg_stat_activity'",
      'Shows every session with what it waits for.',
    ),
  ],
  [/mysql|mariadb/, command("mysql -e 'SHOW FULL PROCESSLIST'", 'Shows every session with what it waits for.')],
  [/redis/, command('redis-cli info', 'Shows memory, clients and the state of its saves.')],
  [/modem|wwan|cell|lte|sim/, command('mmcli -m 0', 'Shows state, signal and registration.')],
  [/process|thread|tasks?\b/, command('ps -eo pid,ppid,user,stat,etime,comm', 'Shows the processes and their state.')],
];
const MOST_LOOKS = 5;

function looksFor(
  signs: Signs,
  metrics: readonly string[],
  complaints: readonly { readonly text: string }[],
): Found['commands'] {
  const units = [...new Set([signs.unit, ...complaints.map((line) => sayer(signs, line).unit)])].flatMap((unit) =>
    unit === undefined ? [] : [unit],
  );
  const isKernel = complaints.some(({ text }) => /^(?:\d+ times: )?kernel\b/.test(text));
  const own = units.slice(0, 2).flatMap((unit, i) => (i === 0 ? [unitLog(unit), unitStatus(unit)] : [unitLog(unit)]));
  const by = metrics.flatMap((name) => LOOKS.flatMap(([pattern, look]) => (pattern.test(name) ? [look] : [])));
  const all = [
    ...(own.length > 0
      ? own
      : [command('journalctl -p warning -n 50 --no-pager', 'Shows what the host complained of lately.')]),
    ...(isKernel ? [command('dmesg -T --level warn', 'Shows what the kernel said, and when.')] : []),
    ...by,
  ];
  return [...new Map(all.map((one) => [one.command, one])).values()].slice(0, MOST_LOOKS);
}

export const reading: KnownCause = {
  id: 'reading',
  class: 'unknown',
  last: true,
  find: (signs) => {
    const { event, also = [] } = signs.evidence;
    const { base, label } = splitMetric(event.metric ?? event.signal);
    const own = signs.lines().filter(({ text }) => !IDLE.test(text) && !MANAGER.test(text) && COMPLAINS.test(text));
    const subject = namesIn(`${base} ${label ?? ''}`);
    const near = (text: string): number => [...namesIn(text)].filter((name) => subject.has(name)).length;
    const complaints = [...own].sort((a, b) => near(b.text) - near(a.text)).slice(0, 2);
    const others = also.flatMap(({ metric, value }) => {
      const part = splitMetric(metric ?? '');
      return metric === undefined || value === undefined || part.base === base
        ? []
        : [
            {
              name: part.base,
              words: `${plainName(part.base)}${part.label === null ? '' : ` of ${plainName(part.label)}`} ${number(value)}${unitOf(part.base)}`,
            },
          ];
    });
    const found = suspects(
      signs,
      complaints.map(({ text }) => text),
    );
    const [best, next] = found.filter(({ shared, ago }) => shared > 0 || ago <= DAY_MS);
    if (complaints.length === 0 && others.length === 0 && best === undefined) return null;
    const of = label === null ? '' : ` of ${plainName(label)}`;
    const figure = event.value === undefined ? '' : ` ${number(event.value)}${unitOf(base)}`;
    const strong = best !== undefined && best.shared >= 2 && (next === undefined || next.shared < best.shared);
    const said = complaints.map(({ text }) => harmless(text.slice(0, WORDS)));
    const beside = others.slice(0, 4).map(({ words }) => words);
    return {
      sentence: `${plainName(base)}${of}${figure}${beside.length === 0 ? '' : `; also out of bounds: ${beside.join(', ')}`}${said.length === 0 ? '' : `; what complains: ${said.join(' / ')}`}${best === undefined ? '' : `; ${strong ? 'most likely since' : 'perhaps since'} a change: ${harmless(best.what)}`}. No known cause fits, so why is not known for sure.`,
      evidence: [...signs.main, ...complaints.map(({ id }) => id), ...(best === undefined ? [] : [best.id])],
      commands: looksFor(signs, [base, ...others.map(({ name }) => name)], complaints),
      sure: 'open',
      or: [
        ...[best, next].flatMap((one) =>
          one === undefined ? [] : [`A change brought it about: ${harmless(one.what)}`],
        ),
        ...(complaints[0] === undefined
          ? []
          : [`What ${sayer(signs, complaints[0]).who} complains of is the cause: ${harmless(complaints[0].text)}`]),
        'Something that it depends on (an upstream service, a database, the network) is slow or fails.',
      ].slice(0, 3),
      person: true,
    };
  },
};
