import type { Limit } from '../detect/limit.ts';
import { SAMPLES } from '../detect/limit.ts';
import { labelled, type Reading, type Sense } from '../sense/sense.ts';
import { declaredDevices, MAPPING_LIMITS, type MappedTopic, type Mapping, metricsOf } from './mapping.ts';
import { valueIn } from './payload.ts';
import { deviceId } from './topic.ts';

/** Why messages of devices were not taken. */
export type DeviceRefusal = 'E_DEVICE_NAME' | 'E_DEVICE_MANY' | 'E_DEVICE_PAYLOAD' | 'E_DEVICE_RATE';

interface Device {
  /** What the device calls itself: another one whose name makes the same id is refused. */
  own: string | null;
  /** Monotonic milliseconds; since the gateway began, where it was never heard. */
  heard: number;
  /** Values that came since the last sample, by metric, and the last ones ever. */
  readonly fresh: Map<string, number>;
  readonly last: Map<string, number>;
}

/**
 * What devices said, as readings of the gateway's own telemetry: `device.METRIC[DEVICE]`. One message is one reading: a
 * value is not said again while nothing new came, and `device.silent_s` grows.
 */
export class DevicesSense implements Sense {
  readonly name = 'devices';
  /** Messages that were not taken, by code. */
  readonly refused = new Map<DeviceRefusal, number>();
  readonly #mapping: Mapping;
  readonly #monotonic: () => number;
  readonly #devices = new Map<string, Device>();
  /** While the devices' broker is away nobody can be heard: that is not theirs. */
  #downSince: number | null;

  constructor(mapping: Mapping, monotonic: () => number) {
    this.#mapping = mapping;
    this.#monotonic = monotonic;
    this.#downSince = monotonic();
    for (const device of declaredDevices(mapping)) this.#begin(device, null);
  }

  /** Names of the devices that are spoken for. */
  devices(): readonly string[] {
    return [...this.#devices.keys()];
  }

  /** The devices' broker is there, or not: silence counts from when they could be heard. */
  reachable(isUp: boolean): void {
    const now = this.#monotonic();
    if (isUp && this.#downSince !== null) {
      const away = now - this.#downSince;
      for (const device of this.#devices.values()) device.heard = Math.min(now, device.heard + away);
    }
    this.#downSince = isUp ? null : (this.#downSince ?? now);
  }

  /** A message came. What was retained says that a device exists, and nothing of how it is now. Never throws. */
  hear(topic: string, payload: Uint8Array, isRetained: boolean): void {
    for (const mapped of this.#mapping.topics) {
      const own = mapped.pattern.match(topic);
      if (own === null) continue;
      const device = this.#deviceFor(mapped, own);
      if (device === null || isRetained) continue;
      const value = valueIn(payload, mapped.format, mapped.path);
      if (value === null) {
        this.refuse('E_DEVICE_PAYLOAD');
        continue;
      }
      device.heard = this.#monotonic();
      device.fresh.set(mapped.metric, value);
      device.last.set(mapped.metric, value);
    }
  }

  refuse(code: DeviceRefusal): void {
    this.refused.set(code, (this.refused.get(code) ?? 0) + 1);
  }

  sample(now: number): readonly Reading[] {
    return [...this.#devices].flatMap(([id, device]) => {
      const metrics = metricsOf(this.#mapping, id).map(({ metric, unit, scale }) => ({
        name: labelled(`device.${metric}`, id),
        unit,
        scale,
        value: device.fresh.get(metric) ?? null,
      }));
      device.fresh.clear();
      const silent = this.#downSince === null ? (now - device.heard) / 1_000 : null;
      const silence = {
        name: labelled(SILENCE, id),
        unit: 's',
        scale: 1,
        value: silent === null ? null : Math.max(0, Math.round(silent)),
        limit: this.#mapping.silentAfter,
        learn: false,
      };
      return [...metrics, silence];
    });
  }

  /** What is known of a device, for people: its last values, and for how long it has been silent. */
  factsOf(id: string): Readonly<Record<string, string>> {
    const device = this.#devices.get(id);
    if (device === undefined) return {};
    const units = new Map(this.#mapping.topics.map(({ metric, unit }) => [metric, unit]));
    const values = [...device.last].map(([metric, value]) => [
      `last.${metric}`,
      `${value} ${units.get(metric)}`.trim(),
    ]);
    const silent = Math.round((this.#monotonic() - device.heard) / 1_000);
    return { ...Object.fromEntries(values), silent: `${silent} s` };
  }

  #deviceFor(mapped: MappedTopic, own: string): Device | null {
    const id = mapped.device ?? deviceId(own);
    if (id === null) return this.#no('E_DEVICE_NAME');
    const known = this.#devices.get(id) ?? this.#begin(id, own);
    if (known === null) return this.#no('E_DEVICE_MANY');
    if (mapped.device !== null) return known;
    known.own ??= own;
    return known.own === own ? known : this.#no('E_DEVICE_NAME');
  }

  #no(code: DeviceRefusal): null {
    this.refuse(code);
    return null;
  }

  /** Null when there is no room for another. */
  #begin(id: string, own: string | null): Device | null {
    const known = this.#devices.get(id);
    if (known !== undefined) return known;
    const readings = [...this.#devices.keys(), id].reduce(
      (sum, one) => sum + metricsOf(this.#mapping, one).length + 1,
      0,
    );
    if (this.#devices.size >= MAPPING_LIMITS.devices || readings > MAPPING_LIMITS.readings) return null;
    const device: Device = { own, heard: this.#monotonic(), fresh: new Map(), last: new Map() };
    this.#devices.set(id, device);
    return device;
  }
}

const SILENCE = 'device.silent_s';

/** The limits of a mapping, for the detector: three messages in a row, as for everything else. */
export function limitsOf({ topics }: Mapping): readonly Limit[] {
  const declared = new Map<string, Limit>();
  for (const { metric, limit } of topics) {
    if (limit === null) continue;
    declared.set(metric, {
      signal: `device.${metric}`,
      metric: `device.${metric}`,
      what: `${metric.replace(/_/g, ' ')} of the device %`,
      ...(limit.healthy === 'above' ? { healthy: 'above' as const } : {}),
      at: limit.value,
      samples: SAMPLES,
      ms: 0,
      severity: 'warning',
      ...(limit.critical === undefined ? {} : { critical: limit.critical }),
      why: 'the site declared this limit',
    });
  }
  const silence: Limit = {
    signal: 'device.silent',
    metric: SILENCE,
    what: 'silence of the device %',
    at: 'declared',
    samples: 1,
    ms: 0,
    severity: 'critical',
    why: 'the site declared how long a device may say nothing; the time itself is what must last',
  };
  return [...declared.values(), silence];
}
