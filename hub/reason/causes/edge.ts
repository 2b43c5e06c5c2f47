import { splitMetric } from '../../evidence/names.ts';
import { plainName } from '../../evidence/words.ts';
import { command, type KnownCause, restart, unitLog, unitStatus } from './cause.ts';
import { isRadioPoor } from './doubt.ts';
import { isFilling } from './filling.ts';
import { isModemSilent } from './network.ts';
import type { Signs } from './signs.ts';

/** Brokers of messages, and their protocol. */
const MQTT = /\bmqtt|mosquitto|emqx|vernemq|hivemq|nanomq|rabbitmq|activemq/i;

/** A bridge that does not deliver keeps everything that its site says. */
const bridge: KnownCause = {
  id: 'mqtt-bridge',
  class: 'mqtt-bridge-backlog',
  find: (signs) => {
    const queue = signs.metric(
      /mqtt.*bridge|bridge.*(?:queue|pending|backlog|messages|dropped)|(?:mqtt|mosquitto|broker|emqx|rabbitmq).*(?:queue|pending|backlog|inflight|dropped|messages_(?:ready|stored))/,
    );
    const line = signs.line(/\b(?:bridge|shovel|federation)\b/i);
    if ((queue === undefined && line === undefined) || isModemSilent(signs) || isRadioPoor(signs)) return null;
    // A bridge of OPC UA or of a network is none: something has to speak of a broker.
    if (queue === undefined && !MQTT.test(line?.text ?? '') && signs.process(MQTT) === undefined) return null;
    const refused = signs.line(
      /not authori[sz]ed|bad user ?name or password|connection refused: (?:bad|not)|authentication (?:failed|error)|return code [45]/i,
    );
    // That a connection is encrypted says nothing: only what goes wrong with it does.
    const tls = signs.line(
      /certificate.{0,40}(?:expired|verify|invalid|unknown|not yet valid|revoked)|(?:verif\w+|unknown|bad|expired) (?:failed.{0,20})?(?:certificate|ca\b)|(?:tls|ssl)\w*.{0,30}(?:alert|handshake fail|error|routines)/i,
    );
    const away = signs.line(
      /socket error|timed? ?out|connection (?:lost|reset|refused)|keepalive|unreachable|exceeded timeout/i,
    );
    // A broker that blocks its publishers says why itself.
    if (signs.says(/alarm (?:is )?set|publishers? .{0,20}blocked/i) !== undefined) return null;
    if (queue === undefined && refused === undefined && tls === undefined && away === undefined) return null;
    const unit = signs.unitLike(/mosquitto|emqx|vernemq|hivemq|nanomq|rabbitmq|mqtt|bridge/);
    const change = signs.since('bridge', 'password', 'mosquitto', 'credential', 'acl', 'broker');
    const why =
      refused !== undefined
        ? 'its connection is refused as not authorised (wrong password or credentials)'
        : tls !== undefined
          ? 'its TLS connection fails (certificate)'
          : 'it is stuck in a dead connection or the other side can not be reached';
    // A password or a certificate is a person's to set: another start is refused again.
    const isRefused = refused !== undefined || tls !== undefined;
    return {
      sentence: `The MQTT bridge${unit === undefined ? '' : ` of ${unit}`} does not deliver: ${why}, and a backlog (queue) of ${queue?.words || 'pending'} messages piles up${change.words}.`,
      evidence: [
        ...signs.main,
        ...[line, refused, away].flatMap((one) => (one === undefined ? [] : [one.id])),
        ...change.ids,
      ],
      commands:
        unit === undefined
          ? [command('ss -tn state established', 'Shows whether the connection upstream stands.')]
          : [unitLog(unit), isRefused ? unitStatus(unit) : restart(unit)],
      sure: 'decisive',
      ...(unit === undefined || isRefused ? { person: true } : {}),
      ...(isRefused ? { futile: ['mqtt-bridge-backlog'] } : {}),
    };
  },
};

/** Where the clients of one name connect from, as the broker says it; at most two. */
function addressesOf(signs: Signs, name: string): readonly string[] {
  const all = signs.lines().flatMap(({ text }) => {
    const at = /\bfrom ((?:\d{1,3}\.){3}\d{1,3})(?::\d{1,5})? as (\S+)/.exec(text);
    return at !== null && at[2] === name && at[1] !== undefined ? [at[1]] : [];
  });
  return [...new Set(all)].slice(0, 2);
}

/** Two clients of one name throw each other out for ever. */
const clientClash: KnownCause = {
  id: 'client-clash',
  class: 'mqtt-client-clash',
  find: (signs) => {
    const line = signs.line(
      /client (\S+) already connected|duplicate client|session taken over|client id.{0,30}(?:in use|conflict)/i,
    );
    if (line === undefined) return null;
    const broker = signs.process(/mosquitto|emqx|vernemq|beam\.smp|nanomq/);
    const from = addressesOf(signs, line.groups[0] ?? '');
    const change = signs.since(line.groups[0], 'clone', 'cloned', 'replaced', 'put into service', 'client id');
    const unit = signs.unitLike(/mosquitto|emqx|vernemq|nanomq|mqtt/);
    return {
      sentence: `Two devices use the same MQTT client id (${line.groups[0] || 'a duplicate'}${from.length > 1 ? `, from ${from.join(' and ')}` : ''}) and throw each other out: a reconnect storm${broker === undefined ? '' : ` keeps the broker ${signs.name(broker)} busy`}${change.words}.`,
      evidence: [line.id, ...signs.main, ...change.ids],
      commands: [
        ...(unit === undefined ? [] : [unitLog(unit)]),
        command('ss -tn state established', 'Shows where the clients connect from.'),
      ],
      // One of the two has to get a name of its own, where it stands: a broker that starts anew has them back at once.
      person: true,
      futile: ['mqtt-bridge-backlog'],
      // A single client that comes back is thrown out once too: where a disk fills and no log does it, that is no cause.
      sure: isFilling(signs) && !signs.hasSignal('log.flood', 'journal.flood') ? 'likely' : 'decisive',
    };
  },
};

/** A value that should move and does not. */
const OF_VALUES = /\b(?:sensor|tag|register|reading|value|probe|transmitter|channel|signal|point|measurement)s?\b/i;

const frozen: KnownCause = {
  id: 'frozen-sensor',
  class: 'frozen-sensor',
  find: (signs) => {
    const line = signs.line(
      /unchanged|no change|not changed|stale value|frozen|same value|value repeats|identical readings/i,
    );
    const flat = signs.metric(/(?:std_?dev|stdev|variance|unchanged|stale|frozen)/);
    const sensor = signs.metric(/sensor|level|temperature|pressure|flow|probe|register/);
    if (line === undefined && (flat === undefined || flat.value !== 0)) return null;
    // Much else is unchanged: an inventory, a catalogue.
    if (sensor === undefined && flat === undefined && !OF_VALUES.test(line?.text ?? '')) return null;
    const { base, label } = splitMetric(signs.evidence.event.metric ?? '');
    const name = plainName(label ?? /^(?:sensor|value|signal|tag)?[._]?([a-z0-9_]+)/.exec(base)?.[1] ?? 'value');
    const poller = signs.process(
      /modbus|mbusd|opcua|opc-|poll|gateway|-gw\b|gw$|serial|bacnet|snmp|iec-?(?:104|61850)|dnp3|s7/i,
    );
    const unit = (poller && signs.unitOf(poller)) ?? signs.units[0];
    const change = signs.since(
      'calibrat',
      'recalibrat',
      'simulat',
      'forced',
      'sensor',
      'transmitter',
      'probe',
      'maintenance',
    );
    const upgrade = signs.since(poller && signs.program(poller), unit);
    return {
      sentence: `The sensor ${sensor === undefined ? '' : name} is frozen (stuck): it repeats one value that does not change although it should move; the sensor (transmitter), its line or converter hangs, the gateway${poller === undefined ? '' : ` ${signs.program(poller)}`} repeats the last value, or the value is held (forced, simulated, in calibration)${change.words}.`,
      evidence: [...signs.main, ...(line === undefined ? [] : [line.id]), ...change.ids, ...upgrade.ids],
      or: [
        `The sensor itself (its transmitter or probe) is stuck, or its line or converter hangs${change.words}.`,
        `The gateway${poller === undefined ? '' : ` (${signs.program(poller)})`} repeats its last value, from a cache or a dead subscription${upgrade.words}.`,
        'Its value is held on purpose (forced, simulated or in calibration) and was never released.',
      ],
      commands: [
        ...(unit === undefined ? [] : [unitLog(unit), unitStatus(unit)]),
        command('dmesg -T --level err', 'Shows resets of the serial converter.'),
      ],
      sure: 'likely',
      person: true,
    };
  },
};

/** Devices on one bus are told apart by an address. */
const SLAVE = /\b(?:slave|unit id|station) ?#?(\d{1,3})\b(?!\.\d)/i;

/** No answer on the bus: the device, the line or the converter. */
const fieldbus: KnownCause = {
  id: 'fieldbus',
  class: 'fieldbus-silent',
  find: (signs) => {
    const line = signs.line(
      /(?:modbus|profinet|bacnet|canopen|can\d|ttyS\d|ttyUSB\d|serial).{0,80}(?:timed? ?out|no response|no answer|failed to respond|crc|bus-?off|no buffer space|disconnect|i\/o error)|response time-?out,? slave|\bbad_?(?:timeout|nocommunication|connectionclosed|communicationerror|devicefailure|serverhalted)\b|\biso-on-tcp\b.{0,60}(?:timed? ?out|error|lost)/i,
    );
    if (line === undefined || signs.line(/modem/i) !== undefined) return null;
    const poller = signs.process(/modbus|opcua|poll|gateway|serial|bacnet/i);
    const own = (poller && signs.unitOf(poller)) ?? signs.ownUnit;
    const unit = own ?? signs.units[0];
    const silent = new Set(
      signs.lines().flatMap(({ text }) => (/time|respon|answer/i.test(text) ? (SLAVE.exec(text)?.[1] ?? []) : [])),
    );
    const all = silent.size > 1 || signs.metric(/(?:replies|responses|answers)/)?.value === 0;
    const port =
      signs.metric(/modbus|serial|fieldbus|canbus/)?.label ?? signs.line(/\b(tty(?:USB|S|ACM)\d+|can\d)\b/)?.groups[0];
    const where = port === null || port === undefined ? '' : ` ${plainName(port)}`;
    return {
      sentence: all
        ? `All devices on the bus${where} are silent at once (Modbus timeouts): it is no single device but what they share, the line (cable, supply, termination) or its converter (USB adapter, gateway).`
        : `The field bus${where} does not answer (a timeout on the serial line or Modbus): a device, the line or its converter hangs.`,
      evidence: [line.id, ...signs.main],
      commands: [
        ...(unit === undefined ? [] : [unitLog(unit), own === undefined || all ? unitStatus(unit) : restart(own)]),
        ...(unit === undefined || all ? [command('dmesg -T --level err', 'Shows resets of the converter.')] : []),
      ],
      ...(all
        ? {
            or: [
              'The line that they share: a cable, its supply or its termination.',
              'The converter of the line (USB adapter, serial gateway) hangs.',
            ],
          }
        : {}),
      sure: 'likely',
      ...(own === undefined || all ? { person: true } : {}),
    };
  },
};

/** A core that does not come back from the kernel. */
const lockup: KnownCause = {
  id: 'lockup',
  class: 'kernel-fault',
  find: (signs) => {
    const line = signs.line(
      /(?:soft|hard) lockup (?:-|on) cpu|\bstuck for \d+ ?s\b|\brcu\w*.{0,40}(?:detected stalls?|kthread starved)/i,
    );
    if (line === undefined || signs.hasSignal('host.reboot')) return null;
    return {
      sentence:
        'A processor is stuck in the kernel (lockup, RCU stall): a driver or the hardware at fault, or a virtual machine whose host gives it no time.',
      evidence: [line.id, ...signs.main],
      commands: [command('dmesg -T --level err', 'Shows where it is stuck.'), command('uptime', 'Shows the load.')],
      sure: 'likely',
      person: true,
    };
  },
};

/** Supply and memory faults that the kernel reports. */
const hardware: KnownCause = {
  id: 'hardware',
  class: 'hardware-fault',
  find: (signs) => {
    const line = signs.line(
      /under-?voltage|edac\b.{0,40}\b\d+ (?:ce|ue)\b|machine check(?! exception decoding)|hardware error|pcie bus error|ecc error/i,
    );
    if (line === undefined) return null;
    return {
      sentence: 'The hardware reports faults (supply voltage, memory or bus): what runs on it can not be trusted.',
      evidence: [line.id, ...signs.main],
      commands: [command('dmesg -T --level err', 'Shows the reports.')],
      sure: 'decisive',
      person: true,
    };
  },
};

/** Two clients of one name: what floods the log or keeps the broker busy is their doing. */
export const CLASH: readonly KnownCause[] = [clientClash];
export const EDGE: readonly KnownCause[] = [bridge, frozen, fieldbus, hardware, lockup];
