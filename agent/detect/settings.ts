/** How soon learned detection speaks; hard limits do not depend on it. */
export type Sensitivity = 'low' | 'medium' | 'high';

/**
 * How far outside its envelope, in envelope widths, a statistic must be. An envelope spans about six sigma, so
 * these are 4.8, 3.9 and 3.5 sigma. `medium` is the middle of the plateau measured on the NAB development files;
 * the other two are half and double of it, and were not searched for.
 */
export const THRESHOLD: Readonly<Record<Sensitivity, number>> = { low: 0.3, medium: 0.15, high: 0.075 };

/** A slice of the past is an hour, or twelve samples where they are rarer: fewer give no spread. */
export const SLICE_MS = 3_600_000;
export const STEPS = 12;
/** Slices that are remembered: two weeks of hours, so that each day of the week was seen twice. */
export const SLICES = 336;
/** One full day must have been seen before anything can be called unusual. */
export const WARM_SLICES = 24;
/** This share of the most extreme slices is no part of the envelope: three hours in two weeks may have been trouble. */
export const TRIM = 0.01;
/** A change of this share of the usual size is the least that is worth an envelope; a flat metric has no other width. */
export const FLOOR = 0.05;
/** After an alert nothing is said for half a day of slices: it is the same trouble, or a consequence. */
export const QUIET_SLICES = 12;
/** Days that the same time of day must have been seen before "unusual for this time of day" can be said. */
export const SEASON_DAYS = 3;
/** A day needs so many slices for a time of day to mean something. */
export const SEASON_SLOTS = 12;

/** Evidence is five minutes: a level is the median of that, so that one sample, or a minute, is never an incident. */
export const LEVEL_MS = 300_000;
/** Samples that come faster than this are averaged first: more detail would cost memory and show nothing. */
export const TICK_MS = 30_000;
/** Ticks of a level. */
export const TICKS = LEVEL_MS / TICK_MS;
/** Steps of the last slice that must have been seen for its mean and spread: a gap is not an anomaly. */
export const STEPS_NEEDED = 9;

/** What is unusual must stay so for two minutes, with which a level is told within five minutes of a step. */
export const DWELL_MS = 120_000;
/** This many envelope widths outside need no second look. */
export const OBVIOUS = 1;
/** Alerts in two weeks that are free; each one more raises the bar by its own height. */
export const FREE_ALERTS = 2;
/** Full sooner than this, with a level that is unusual at all, lowers the bar to a third: waiting costs more. */
export const FORECAST_S = 7_200;
export const FORECAST_SHARE = 1 / 3;
/** Back in its range for so long is recovered. */
export const CALM_MS = 900_000;
/** What has lasted for two days of slices is what this metric is like now. */
export const ACCEPTED_SLICES = 48;

/** A partner's word counts for so long: two samples of an agent that samples rarely. */
export const WITNESS_MS = 600_000;
/** A partner is unusual from this share of the threshold on: it is asked whether it agrees, not whether it would alert. */
export const WITNESS_SHARE = 1 / 3;
/** Alone while all its partners are calm, what is below so many bars is held back for so long: chance seldom lasts. */
export const ALONE_BARS = 2;
export const ALONE_MS = 1_200_000;
/** Who is unusual within an hour of the first of its family joins it: the hour's means follow the level so late. */
export const JOIN_MS = 3_600_000;
