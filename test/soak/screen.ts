import { parseArgs } from 'node:util';

// npm run soak -- screen [--count REFRESHES]: 24 hours of the operator's screen on a fast clock. Exit 1 where its memory grows.
process.env['NODE_ENV'] = 'production';
process.env['CI'] = 'false';

/** 24 hours at two refreshes a second. */
const DAY = 172_800;
const READINGS = 24;
/** Of the heap after a collection, between the first hour and the last: what may be remembered by design (bounded caches). */
const GROWS_MIB = 8;
const RSS_GROWS_MIB = 32;

const { values } = parseArgs({ options: { count: { type: 'string', default: String(DAY) } } });
const { screenDay } = await import('./screen-day.ts');
const began = performance.now();
const day = await screenDay(Number(values.count), READINGS);
const grown = (of: readonly number[]) => (of.at(-1) ?? 0) - (of[1] ?? 0);
const isFlat = grown(day.heap) <= GROWS_MIB && grown(day.rss) <= RSS_GROWS_MIB;
const seconds = Math.round((performance.now() - began) / 1_000);
console.log(JSON.stringify({ soak: 'screen', seconds, hours: day.refreshes / 7_200, ...day, flat: isFlat }));
process.exit(isFlat ? 0 : 1);
