import { plainName } from '../../evidence/words.ts';
import { command, type KnownCause, nice, restart, unitLog, unitStatus } from './cause.ts';

/** A bridge that does not deliver keeps everything that its site says. */
const bridge: KnownCause = {
  id: 'mqtt-bridge',
  class: 'mqtt-bridge-backlog',
  find: (signs) => {
    const queue = signs.metric(
      /bridge|mqtt.*(?:queue|pending|backlog|inflight|dropped)|mosquitto.*(?:queue|pending|messages)/,
    );
    const line = signs.line(/\bbridge\b/i);
    if (queue === undefined && line === undefined) return null;
    const refused = signs.line(
      /not authori[sz]ed|bad user ?name or password|connection refused: (?:bad|not)|authentication (?:failed|error)|return code [45]/i,
    );
    const tls = signs.line(/certificate|tls|ssl/i);
    const away = signs.line(
      /socket error|timed? ?out|connection (?:lost|reset|refused)|keepalive|unreachable|exceeded timeout/i,
    );
    if (queue === undefined && refused === undefined && tls === undefined && away === undefined) return null;
    const unit = signs.unitLike(/mosquitto|emqx|vernemq|hivemq|nanomq|rabbitmq|mqtt|bridge/);
    const change = signs.since('bridge', 'password', 'mosquitto', 'credential', 'acl', 'broker');
    const why =
      refused !== undefined
        ? 'its connection is refused as not authorised (wrong password or credentials)'
        : tls !== undefined
          ? 'its TLS connection fails (certificate)'
          : 'it is stuck in a dead connection or the other side can not be reached';
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
          : [unitLog(unit), restart(unit)],
      sure: 'decisive',
      ...(unit === undefined ? { person: true } : {}),
    };
  },
};

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
    const unit = signs.unitLike(/mosquitto|emqx|vernemq|nanomq|mqtt/);
    return {
      sentence: `Two MQTT clients share one client id (${line.groups[0] || 'the same'}) and throw each other out: a reconnect storm${broker === undefined ? '' : ` keeps the broker ${signs.name(broker)} busy`}.`,
      evidence: [line.id, ...signs.main],
      commands: [
        ...(unit === undefined ? [] : [unitLog(unit)]),
        command('ss -tn state established', 'Shows where the clients connect from.'),
        ...(broker === undefined ? [] : [nice(broker.process.pid)]),
      ],
      sure: 'decisive',
    };
  },
};

/** A value that should move and does not. */
const frozen: KnownCause = {
  id: 'frozen-sensor',
  class: 'frozen-sensor',
  find: (signs) => {
    const line = signs.line(
      /unchanged|no change|not changed|stale value|frozen|same value|value repeats|identical readings/i,
    );
    const flat = signs.metric(/(?:std_?dev|variance|unchanged|stale|frozen)/);
    const sensor = signs.metric(/sensor|level|temperature|pressure|flow|probe|register/);
    if (line === undefined && (flat === undefined || flat.value !== 0)) return null;
    const name = plainName(
      /(?:sensor\.)?([a-z0-9_]+)/.exec((signs.evidence.event.metric ?? '').replace(/^sensor\./, ''))?.[1] ?? 'value',
    );
    const poller = signs.process(/modbus|opcua|poll|gateway|serial|bacnet|snmp/i);
    const unit = (poller && signs.unitOf(poller)) ?? signs.units[0];
    return {
      sentence: `The sensor ${sensor === undefined ? '' : name} is frozen (stuck): it repeats one value that does not change although it should move; the sensor, its line or converter hangs, or the gateway repeats the last value.`,
      evidence: [...signs.main, ...(line === undefined ? [] : [line.id])],
      commands: [
        ...(unit === undefined ? [] : [unitLog(unit), unitStatus(unit)]),
        command('dmesg -T --level err', 'Shows resets of the serial converter.'),
      ],
      sure: 'likely',
      person: true,
    };
  },
};

/** No answer on the bus: the device, the line or the converter. */
const fieldbus: KnownCause = {
  id: 'fieldbus',
  class: 'fieldbus-silent',
  find: (signs) => {
    const line = signs.line(
      /(?:modbus|profinet|bacnet|canopen|can\d|ttyS\d|ttyUSB\d|serial).{0,80}(?:timed? ?out|no response|no answer|crc|bus-?off|no buffer space|disconnect|i\/o error)/i,
    );
    if (line === undefined || signs.line(/modem/i) !== undefined) return null;
    const poller = signs.process(/modbus|opcua|poll|gateway|serial|bacnet/i);
    const own = (poller && signs.unitOf(poller)) ?? signs.ownUnit;
    const unit = own ?? signs.units[0];
    return {
      sentence: `The field bus does not answer (a timeout on the serial line or Modbus): a device, the line or its converter hangs.`,
      evidence: [line.id, ...signs.main],
      commands:
        unit === undefined
          ? [command('dmesg -T --level err', 'Shows resets of the converter.')]
          : [unitLog(unit), own === undefined ? unitStatus(unit) : restart(own)],
      sure: 'likely',
      ...(own === undefined ? { person: true } : {}),
    };
  },
};

/** Supply and memory faults that the kernel reports. */
const hardware: KnownCause = {
  id: 'hardware',
  class: 'hardware-fault',
  find: (signs) => {
    const line = signs.line(
      /under-?voltage|edac.{0,40}(?:ce|ue)|machine check|hardware error|pcie bus error|ecc error/i,
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

export const EDGE: readonly KnownCause[] = [bridge, clientClash, frozen, fieldbus, hardware];
