import { readdirSync } from 'node:fs';
import type { ProcFiles } from './proc-files.ts';
import { Recent } from './recent.ts';
import type { Reading, Sense } from './sense.ts';

/** Some sensors sit on slow buses and take milliseconds to answer; heat does not change faster than this. */
const EVERY_MS = 20_000;
/** A driver that was loaded late is found by then. */
const SEARCH_MS = 600_000;
const MAX_SENSORS = 32;
/** Throttling is told for five minutes: it comes and goes with the load. */
const THROTTLE_WINDOW_MS = 300_000;
/** Outside of these a sensor is broken or not connected: no machine runs there. */
const COLDEST = -60;
const HOTTEST = 200;

interface Thermometer {
  /** Files with thousandths of a degree Celsius; the second is where it becomes critical. */
  readonly input: string;
  readonly critical: string | null;
}

/** Temperatures of whatever the machine measures, and how often the processor slowed itself down for heat. */
export class ThermalSense implements Sense {
  readonly name = 'thermal';
  readonly #sys: ProcFiles;
  readonly #throttles = new Recent(THROTTLE_WINDOW_MS);
  #thermometers: readonly Thermometer[] = [];
  #counters: readonly string[] = [];
  #searchAt = Number.NEGATIVE_INFINITY;
  #readAt = Number.NEGATIVE_INFINITY;
  #last: readonly Reading[] = [];

  constructor(sys: ProcFiles) {
    this.#sys = sys;
  }

  sample(now: number): readonly Reading[] {
    if (now >= this.#searchAt) {
      this.#search();
      this.#searchAt = now + SEARCH_MS;
    }
    if (now < this.#readAt) return this.#last;
    this.#readAt = now + EVERY_MS;
    this.#last = [...this.#temperatures(), ...this.#throttling(now)];
    return this.#last;
  }

  #temperatures(): Reading[] {
    let [hottest, margin]: [number | null, number | null] = [null, null];
    for (const { input, critical } of this.#thermometers) {
      const degrees = this.#degrees(input);
      if (degrees === null) continue;
      if (degrees > (hottest ?? COLDEST)) hottest = degrees;
      const bound = critical === null ? null : this.#degrees(critical);
      // A critical point of zero, or below what it is, is a driver that does not know it.
      if (bound !== null && bound > 0 && (margin === null || bound - degrees < margin)) margin = bound - degrees;
    }
    if (this.#thermometers.length === 0) return [];
    const known = this.#thermometers.some(({ critical }) => critical !== null);
    return [
      { name: 'thermal.hottest_c', unit: '°C', scale: 0.5, value: hottest },
      ...(known ? [{ name: 'thermal.margin_c', unit: '°C', scale: 0.5, learn: false, value: margin }] : []),
    ];
  }

  #throttling(now: number): Reading[] {
    if (this.#counters.length === 0) return [];
    const total = this.#counters.reduce((sum, file) => sum + (this.#number(file) ?? 0), 0);
    return [{ name: 'thermal.throttles', unit: '', scale: 1, learn: false, value: this.#throttles.see(now, total) }];
  }

  #degrees(file: string): number | null {
    const value = this.#number(file);
    const degrees = value === null ? Number.NaN : value / 1_000;
    return degrees > COLDEST && degrees < HOTTEST ? degrees : null;
  }

  #number(file: string): number | null {
    try {
      const text = this.#sys.head(file).trim();
      return /^-?\d{1,12}$/.test(text) ? Number(text) : null;
    } catch {
      return null;
    }
  }

  /** Where this machine has thermometers: chips first, the firmware's zones where no chip is known. */
  #search(): void {
    const chips = this.#entries('class/hwmon').flatMap((chip) =>
      this.#entries(`class/hwmon/${chip}`)
        .filter((file) => /^temp\d{1,3}_input$/.test(file))
        .map((file) => {
          const critical = `class/hwmon/${chip}/${file.replace('_input', '_crit')}`;
          return { input: `class/hwmon/${chip}/${file}`, critical: this.#number(critical) === null ? null : critical };
        }),
    );
    const zones = this.#entries('class/thermal')
      .filter((zone) => /^thermal_zone\d{1,3}$/.test(zone))
      .map((zone) => ({ input: `class/thermal/${zone}/temp`, critical: this.#criticalTrip(`class/thermal/${zone}`) }));
    this.#thermometers = (chips.length > 0 ? chips : zones).slice(0, MAX_SENSORS);
    // Each core counts its own slowdowns; the package's are in every core's folder, so one of them is enough.
    this.#counters = this.#entries('devices/system/cpu')
      .filter((cpu) => /^cpu\d{1,4}$/.test(cpu))
      .map((cpu) => `devices/system/cpu/${cpu}/thermal_throttle/core_throttle_count`)
      .filter((file) => this.#number(file) !== null);
  }

  #criticalTrip(zone: string): string | null {
    const trip = this.#entries(zone)
      .filter((file) => /^trip_point_\d{1,2}_type$/.test(file))
      .find((file) => {
        try {
          return this.#sys.head(`${zone}/${file}`).trim() === 'critical';
        } catch {
          return false;
        }
      });
    return trip === undefined ? null : `${zone}/${trip.replace('_type', '_temp')}`;
  }

  #entries(folder: string): string[] {
    try {
      return readdirSync(this.#sys.path(folder)).sort();
    } catch {
      return [];
    }
  }
}
