import { command, type KnownCause } from './cause.ts';
import { type Saying, sayingCause } from './saying.ts';

const OF_FIELD =
  /modbus|opc|plc|s7|iec|dnp3|bacnet|can\d?|profinet|serial|tty|sensor|tag|register|poll|read|value|session|quality|update_age|error|timeout|fail|messages|unit\.|container\.|log\./;
const dmesg = command('dmesg -T --level warn', 'Shows whether a converter came or went.');

/** Devices of plants and sites, in the words of their drivers and gateways. */
const FIELD: readonly Saying[] = [
  {
    id: 'register-map',
    class: 'register-map',
    words:
      /illegal[ _]data[ _](?:address|value)|illegal[ _]function|exception(?: code)?[ =:]{1,3}(?:0x)?0?[123]\b|badnodeidunknown|badnodeidinvalid|badattributeidinvalid|(?:address|item|symbol|tag|db ?\d+) .{0,40}(?:does not exist|not found|out of range|not available)/i,
    explains: OF_FIELD,
    means: ({ who, to }) =>
      `The device${to === '' ? '' : ` ${to}`} answers ${who} and refuses what is asked (illegal address, unknown node): its program or firmware has other registers than the configuration reads, and neither the line nor the device is dead`,
    after: ['plc', 'firmware', 'program', 'project', 'register', 'map', 'replaced', 'configuration', 'db'],
  },
  {
    id: 'plc-stopped',
    class: 'plc-stopped',
    words:
      /cpu (?:is )?in stop|\bplc\b.{0,40}\bstop(?:ped)?(?: mode)?\b|badserverhalted|run[ -]{1,4}(?:to|>)[ -]{0,3}stop|operating mode.{0,20}stop|controller .{0,20}(?:halted|faulted|in fault)/i,
    explains: OF_FIELD,
    means: ({ to }) =>
      `The controller (PLC${to === '' ? '' : ` ${to}`}) is in STOP or in fault: it answers and runs no program; only people on site may start it`,
    after: ['plc', 'program', 'firmware', 'project', 'download'],
  },
  {
    id: 'session-limit',
    class: 'session-limit',
    words:
      /badtoomanysessions|badtoomanysubscriptions|too many (?:sessions|subscriptions)|connection resources? .{0,20}(?:exhausted|not available)|no (?:more |free )?(?:connections?|sessions?)(?: resources?)? (?:left|available)|max(?:imum)? (?:number of )?(?:connections|clients|sessions).{0,20}(?:reached|exceeded)|connection limit (?:reached|exceeded)/i,
    unless: /remaining connection slots|too many clients already|max_connections/i,
    explains: /./,
    means: ({ who, to }) =>
      `The other side${to === '' ? '' : ` (${to})`} takes no more connections: its sessions are all taken, by others or by those that ${who} opened and never closed`,
    after: ['client', 'scada', 'hmi', 'session', 'poll', 'second'],
    looks: () => [command('ss -tn state established', 'Shows which connections this host holds.')],
  },
  {
    id: 'sensor-fault',
    class: 'sensor-fault',
    words:
      /wire[- ]?break|broken wire|line[- ]?break|open circuit|short[- ]circuit|\b(?:under|over)[- ]?range\b|sensor (?:fault|failure|failed|broken|short|open|disconnected)|outside (?:the )?(?:4-20|4 to 20) ?ma|below 3\.\d+ ?ma|namur/i,
    explains: OF_FIELD,
    means: ({ who }) =>
      `A sensor or its wire is broken (open or short circuit, outside of its range), as ${who} says: what it reads is no value of the plant`,
    after: ['sensor', 'transmitter', 'cable', 'wiring', 'maintenance', 'replaced', 'card'],
  },
  {
    id: 'serial-gone',
    class: 'serial-device-gone',
    words:
      /\/dev\/(tty(?:USB|ACM|S|AMA)\d+|serial\/by-\w+\/[\w.:-]+).{0,60}(?:no such (?:file|device)|not found|cannot open|disconnected)|(?:could not|cannot|can't|unable to|failed to) open (?:serial )?(?:port|device)?.{0,12}\/dev\/(tty\w+)|(?:no such file or directory|errno 2\b).{0,40}\/dev\/(tty\w+)/i,
    unless: /permission denied.{0,60}\/dev\/tty|\/dev\/tty.{0,60}permission denied|modem/i,
    explains: OF_FIELD,
    means: ({ groups, signs }) => {
      const now = signs.says(/now attached to (tty\w+)/i)?.groups[0];
      const name = groups.find(Boolean) ?? 'the serial port';
      return `The serial device ${name} is not there${now === undefined || name.includes(now) ? ': its converter was unplugged, has failed or got another name' : `: its converter came back under another name (${now}), and a fixed one (by-id) is missing`}`;
    },
    after: ['usb', 'converter', 'udev', 'kernel', 'replugged', 'moved', 'adapter', 'serial'],
    looks: () => [dmesg],
  },
  {
    id: 'serial-rights',
    class: 'permission-refused',
    words:
      /\/dev\/(tty\w+|i2c-\d+|spidev[\d.]+|gpio\w*|can\d).{0,60}permission denied|permission denied.{0,40}\/dev\/(tty\w+|i2c-\d+|spidev[\d.]+|gpio\w*)/i,
    explains: OF_FIELD,
    means: ({ who, groups }) =>
      `${who} may not open ${groups.find(Boolean) ?? 'its device'} (permission denied): its user is not in the group of the device (dialout), or a rule of udev changed`,
    after: ['udev', 'user', 'group', 'dialout', 'hardening', 'container'],
  },
  {
    id: 'mqtt-drops',
    class: 'mqtt-queue-full',
    words:
      /outgoing messages are being dropped|max_queued_(?:messages|bytes)|(?:payload|packet|message) (?:is )?too large|exceeds? (?:the )?maximum packet size|quota exceeded.{0,30}(?:publish|message)/i,
    // Of a bridge it is the backlog of what does not get away.
    unless: /bridge|\blocal\.|modem|cdc-wdm/i,
    explains: /mqtt|mosquitto|broker|messages|queue|drop|publish|topic|bridge|log\.|emqx/,
    means: ({ who }) =>
      `${who} drops messages: the queue of a client that does not take them is full, or they are larger than allowed`,
    after: ['max_queued', 'client', 'payload', 'packet', 'mosquitto'],
  },
  {
    id: 'ups',
    class: 'power-loss',
    words:
      /\b(?:ups|apcupsd|upsmon|nut|upsd)\b.{0,80}(?:on battery|onbatt|low battery|lowbatt|power fail|replace battery|replbatt|battery (?:needs|must|is) )|power failure\b.{0,40}battery|running on (?:ups )?batter/i,
    explains: /./,
    means: ({ groups: _ }) =>
      'The mains have failed or the battery of the UPS has to be replaced: the host runs on what the battery still holds',
    after: ['ups', 'power', 'mains', 'battery', 'breaker', 'electric'],
    looks: () => [command('upsc ups@localhost', 'Shows load, charge and time left.')],
  },
  {
    id: 'flash-worn',
    class: 'disk-worn',
    words:
      /available spare has fallen below|percentage used[^\d]{1,12}(?:9[5-9]|1\d\d)\b|media wearout|wear.?level.{0,40}(?:fail|below|exceed)|life ?time estimation.{0,20}0x0?[ab]|pre[- ]?eol.{0,20}(?:urgent|warning|0x0?[23])|critical warning.{0,30}0x(?!0+\b)/i,
    explains: /disk|io|wear|life|smart|read_only|slow|latency|unit\.|log\./,
    means: () =>
      'The flash of the disk or card is worn out (its spare blocks or its life are used up): it becomes slow and read-only next, and has to be replaced after a backup',
    after: ['disk', 'card', 'logging', 'replaced'],
    looks: () => [command('lsblk -o NAME,SIZE,TYPE,MOUNTPOINT,MODEL', 'Shows the disks of this host.')],
  },
];

export const SAID_FIELD: readonly KnownCause[] = FIELD.map(sayingCause);
