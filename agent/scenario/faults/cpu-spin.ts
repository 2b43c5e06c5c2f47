/** Keeps one core busy; it looks at its bounds between two stretches of work, since no timer gets a turn. */
import { isOver, LOOK_MS, leave } from './bound.ts';

process.title = 'cpu-spin';
let sum = 0;
while (!isOver()) {
  const until = performance.now() + LOOK_MS;
  while (performance.now() < until) for (let i = 0; i < 10_000; i++) sum = (sum * 31 + i) % 65_521;
}
leave();
