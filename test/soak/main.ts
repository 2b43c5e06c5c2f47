/**
 * `npm run soak -- NAME [OPTION ...]`: the long form of what the tests draw a sample of; hours, not minutes. Each has
 * options of its own, `--count` and `--seed` among them, prints its seed, and exits 1 on a finding.
 */
const SOAKS: Readonly<Record<string, () => Promise<unknown>>> = {
  policy: () => {
    // The defaults of a short run are of the developer's kind; what is given behind them counts.
    process.argv.splice(2, 0, '--count', '1000000', '--batch', '2000');
    return import('../fuzz/main.ts');
  },
  streams: () => import('./streams.ts'),
  kills: () => import('./kills.ts'),
  hub: () => import('./hub.ts'),
  'thin-link': () => import('./thin-link.ts'),
  screen: () => import('./screen.ts'),
  replay: () => import('./replay.ts'),
  power: () => import('./power.ts'),
  weeks: () => import('./weeks.ts'),
};

const name = process.argv[2] ?? '';
const load = Object.hasOwn(SOAKS, name) ? SOAKS[name] : undefined;
if (load === undefined) {
  console.error(`usage: npm run soak -- ${Object.keys(SOAKS).join('|')} [--count N] [--seed N]`);
  process.exitCode = 2;
} else {
  process.argv.splice(2, 1);
  await load();
}
