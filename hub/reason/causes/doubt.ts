import { splitMetric } from '../../evidence/names.ts';
import { plainName } from '../../evidence/words.ts';
import { command, type KnownCause, unitLog } from './cause.ts';
import { harmless, whatOf } from './changes.ts';
import type { Signs } from './signs.ts';

const links = command('ip -s link', 'Shows each interface with its errors and drops.');

/** Changes that a pattern finds, in the words of their own. */
const changesOf = (signs: Signs, pattern: RegExp) =>
  signs.evidence.items.flatMap(({ id, kind, text }) => {
    const what = kind === 'change' ? whatOf(text) : null;
    return what !== null && pattern.test(what) ? [{ id, what: harmless(what) }] : [];
  });

const RADIO = /rsr[pq]|sinr|\brssi|signal|packet_loss|loss_percent|rtt|ping/;
const OUR_SIDE =
  /antenna|aerial|cable|lead|connector|coax|lightning|mast|roof|cabinet|nacelle|moved|mounted|refitted|unplugged|tower|sim\b|modem/i;
const THEIR_SIDE =
  /carrier|provider|operator works|site \d|works at|maintenance window|notice|outage|reduced capacity|base station|\bcell\b|isp\b/i;

/** Whether a radio link of this host is bad: what goes over it fails too, and is no cause. */
export const isRadioPoor = (signs: Signs): boolean => radio.find(signs) !== null;

/** A radio link that got bad: each side may be why, and the host sees its own end alone. */
const radio: KnownCause = {
  id: 'radio',
  class: 'radio-degraded',
  find: (signs) => {
    const radios = signs.metrics(/rsr[pq]|sinr|rssi|signal_(?:dbm|percent|quality)|snr/);
    const lossy = signs.metrics(RADIO).filter(({ label }) => /^(?:wwan|ppp|wl|wwp|cell)/.test(label ?? ''));
    const [poor] = [...radios, ...lossy];
    if (poor === undefined || (radios.length === 0 && lossy.length < 2)) return null;
    const other = [...lossy, ...radios].find((one) => one !== poor);
    const ours = changesOf(signs, OUR_SIDE);
    const theirs = changesOf(signs, THEIR_SIDE).filter(({ id }) => !ours.some((one) => one.id === id));
    const device = poor.label ?? other?.label ?? null;
    const isOpen = (ours.length === 0) === (theirs.length === 0);
    const since = (all: readonly { readonly what: string }[]) =>
      all[0] === undefined ? '' : `, since a change: ${all[0].what}`;
    const here = `this side (the antenna, its cable or connector, the position)${since(ours)}`;
    const there = `the other side (the carrier or access point: works, load or interference)${since(theirs)}`;
    return {
      sentence: `The radio link${device === null ? '' : ` ${plainName(device)}`} has become bad (${poor.name} ${poor.words}${other === undefined ? '' : `, ${other.name} ${other.words}`}): packets are lost, and what goes over it reconnects. ${isOpen ? `Either ${here}, or ${there}; this evidence does not tell which` : `Most likely ${ours.length > 0 ? here : there}`}.`,
      evidence: [...signs.main, ...[...ours, ...theirs].map(({ id }) => id)],
      commands: [
        ...(/^(?:wwan|ppp|wwp|cdc)/.test(device ?? '')
          ? [command('mmcli -m 0', 'Shows state, signal and registration.')]
          : []),
        links,
      ],
      sure: isOpen ? 'open' : 'likely',
      or: isOpen
        ? [
            `This side: the antenna, its cable or connector${since(ours)}.`,
            `The other side: the carrier, its cell or its works${since(theirs)}.`,
          ]
        : [],
      person: true,
      futile: ['modem-hang', 'link-flap', 'network-errors', 'link-down'],
    };
  },
};

/** Quantities of a plant or a room, which no host has by itself. */
const QUANTITY =
  /temperature|temp\b|temp_c|humidity|pressure|flow|level|vibration|weight|\bph\b|conductivity|turbidity|voltage|current_a|torque|speed|rpm|position|co2|oxygen|gas/;
const OF_HOST =
  /^(?:cpu|core|disk|nvme|gpu|host|thermal|fan|battery|memory|net|load|power|system|modem)\b|cpu|core_|nvme|fan_|chassis|inlet|psu/;
const DOUBT =
  /battery|low (?:battery|voltage)|supply|calibrat|drift|quality.{0,20}(?:bad|uncertain)|uncertain|bad quality|not polled|no uplink|last seen|stale|crc|out of range|implausib|spike|checksum/i;

/** A value of the plant is where it should not be: it is so, or the sensor says so wrongly, and no log decides it. */
const sensorDoubt: KnownCause = {
  id: 'sensor-doubt',
  class: 'sensor-or-process',
  find: (signs) => {
    const { event } = signs.evidence;
    const { base, label } = splitMetric(event.metric ?? '');
    if (!QUANTITY.test(`${base} ${label ?? ''}`) || OF_HOST.test(base.replace(/^(?:sensor|probe|tag|value)[._]/, '')))
      return null;
    if (/^(?:host|disk|net|unit|container|database|kernel)\./.test(event.signal) || event.value === undefined)
      return null;
    const line = signs.lines().find(({ text }) => DOUBT.test(text));
    const weak = signs.metric(/battery|update_age|last_seen|quality|rssi|snr/);
    const name = plainName(label ?? base.replace(/^(?:sensor|probe|tag|value)[._]/, ''));
    const real = changesOf(
      signs,
      /delivery|load|door|open|batch|start|recipe|setpoint|defrost|compressor|pump|valve|filling|cleaning|maintenance/i,
    );
    const changed = changesOf(signs, /sensor|probe|transmitter|calibrat|battery|meter|gateway|replaced|exchang/i);
    const gone = signs.says(/not polled|no uplink|disabled|offline|no data/i);
    const unit = signs.units[0];
    const because = (all: readonly { readonly what: string }[]) => (all[0] === undefined ? '' : `; ${all[0].what}`);
    return {
      sentence: `${name} reads ${signs.metric(/./)?.words ?? ''}, which is not usual: either it really is so (what heats, cools, fills or drives there fails or was changed: compressor, pump, valve, an open door), or its sensor reads wrong (${weak === undefined ? 'drift, supply, wiring' : `${weak.name} ${weak.words}`}); ${gone === undefined ? 'this evidence does not tell which' : 'what would decide it is not measured now'}, so somebody has to look there.`,
      evidence: [
        ...signs.main,
        ...[line, gone].flatMap((one) => (one === undefined ? [] : [one.id])),
        ...[...real, ...changed].map(({ id }) => id),
      ],
      commands:
        unit === undefined
          ? [command('journalctl -p warning -n 50 --no-pager', 'Shows what the host complained of lately.')]
          : [unitLog(unit)],
      sure: 'open',
      or: [
        `It really is so: what cools, heats, fills or drives there (compressor, pump, valve, door) fails or was changed${because(real)}.`,
        `The sensor reads wrong: its battery or supply, its wiring, drift or a wrong scale${because(changed)}.`,
      ],
      person: true,
    };
  },
};

export const DOUBT_CAUSES: readonly KnownCause[] = [radio, sensorDoubt];
