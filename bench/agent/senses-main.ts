import { senseCosts } from './senses.ts';

// What senses and detection cost in a process of their own, started as an agent is: a JSON line for each figure; exit 1 where an aim is missed.
const good = await senseCosts((metric, value, unit) => console.log(JSON.stringify({ metric, value, unit })));
process.exitCode = good ? 0 : 1;
