import { Learner } from '../../agent/detect/learner.ts';

export const HOUR = 3_600;
export const DAY = 24 * HOUR;
/** A Monday, at midnight UTC. */
export const START = Date.UTC(2026, 0, 5);

export interface Alert {
  /** Seconds since the start. */
  readonly t: number;
  readonly statistic: string;
}

/** A value for a time in seconds since the start; null is a gap. */
export type Series = (t: number) => number | null;

/** Feeds a series at 30 s, as the agent samples, and gives the alerts. */
export function alerts(series: Series, to: number, from = 0, learner = new Learner()): Alert[] {
  const said: Alert[] = [];
  for (let t = from; t < to; t += 30) {
    const value = series(t);
    if (value === null) continue;
    const judged = learner.add(START + t * 1_000, value);
    if (judged?.alert === true) said.push({ t, statistic: learner.baseline.novelty().statistic });
  }
  return said;
}

export interface Dice {
  /** 0 to 1. */
  readonly uniform: () => number;
  /** Normal, with a spread of 1. */
  readonly normal: () => number;
}

/** The same numbers for the same seed: splitmix-like, by multiplication and shifts. */
export function dice(seed: number): Dice {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x9e3779b9) >>> 0;
    let x = state;
    x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
    x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
    return ((x ^ (x >>> 15)) >>> 0) / 2 ** 32;
  };
  return {
    uniform,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  };
}

export const wave = (t: number, height: number): number => height * Math.sin((2 * Math.PI * t) / DAY);

/** A disk at 71 % that a nightly backup fills to 92 % at 02:00 for 40 minutes. */
export function backup({ normal }: Dice, seconds = 2_400): (t: number) => number {
  return (t) => {
    const since = (t % DAY) - 2 * HOUR;
    const rise = since < 0 ? 0 : Math.min(1, since / 600);
    const share = since < seconds ? rise : Math.max(0, 1 - (since - seconds) / 600);
    return 71 + 21 * share + 0.3 * normal();
  };
}

/** Ordinary noise: what a month of it says is a false alarm. */
export const NOISE: Readonly<Record<string, (dice: Dice) => (t: number) => number>> = {
  white:
    ({ normal }) =>
    () =>
      50 + 2 * normal(),
  daily:
    ({ normal }) =>
    (t) =>
      40 + wave(t, 20) + 2 * normal(),
  weekly:
    ({ normal }) =>
    (t) => {
      const works = Math.floor(t / DAY) % 7 < 5 && t % DAY > 8 * HOUR && t % DAY < 18 * HOUR;
      return (works ? 60 : 20) + 3 * normal();
    },
  'log-normal':
    ({ normal }) =>
    () =>
      Math.exp(1 + normal()),
  'log-normal, daily':
    ({ normal }) =>
    (t) =>
      20 * Math.exp(wave(t, 0.5) + 0.6 * normal()),
  'bursts every two hours': (dice) => bursts(dice, 1 / 240, 50),
  'bursts every twelve hours': (dice) => bursts(dice, 1 / 1_440, 40),
  'rotation at midnight, slow growth':
    ({ normal }) =>
    (t) =>
      40 + (10 * (t % DAY)) / DAY + (0.3 * t) / DAY + 0.05 * normal(),
  'rare ones among zeros':
    ({ uniform }) =>
    () =>
      uniform() < 0.02 ? 1 : 0,
  flat: () => () => 71,
  'whole numbers':
    ({ normal }) =>
    () =>
      Math.round(30 + 0.4 * normal()),
  'a job every hour':
    ({ normal }) =>
    (t) =>
      (t % HOUR < 240 ? 60 : 10) + 2 * normal(),
  'single spikes':
    ({ uniform, normal }) =>
    () =>
      30 + normal() + (uniform() < 0.003 ? 60 : 0),
};

/** Noise that wanders for hours: to a short memory each far point is news. */
export const WANDERING: Readonly<Record<string, (dice: Dice) => (t: number) => number>> = {
  'correlated over an hour': (dice) => wandering(dice, 0.99, 0.3),
  'correlated over eight hours': (dice) => wandering(dice, 0.999, 0.1),
};

function bursts({ uniform, normal }: Dice, chance: number, height: number): (t: number) => number {
  let end = 0;
  return (t) => {
    if (t > end && uniform() < chance) end = t + 300 + uniform() * 600;
    return 20 + (t < end ? height : 0) + 3 * normal();
  };
}

function wandering({ normal }: Dice, keep: number, step: number): (t: number) => number {
  let x = 0;
  return () => {
    x = keep * x + step * normal();
    return 50 + x;
  };
}
