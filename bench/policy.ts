import { loadBash } from '../grammars/bash.ts';
import { treeReader } from '../policy/parse.ts';
import { loadPolicy } from '../policy/policy.ts';
import type { Emit } from './row.ts';

/** Typical commands of an SRE's plan: single ones and pipelines. */
const COMMANDS = [
  'systemctl status nginx --no-pager',
  'systemctl restart wal-archiver.service',
  "journalctl -u nginx --since '1 hour ago' --no-pager -n 200",
  'ps aux --sort=-%mem | head -n 20',
  'df -h',
  'du -xh --max-depth=1 /var | sort -h | tail -n 20',
  'grep -i error /var/log/syslog | tail -n 50',
  'ss -tulpn',
  'free -m && uptime',
  'kill -TERM 1234',
  "find /srv/cache -xdev -type f -name '*.tmp' -mtime +7 -print",
  'docker logs --tail 100 web 2>&1',
];

/** Long enough that one slow garbage collection does not decide, short enough for every run of CI. */
const ROUND_MS = 400;
const ROUNDS = 5;
/** Verdicts a second on one core: more than the fastest peer, an engine that allows what it does not know. */
const AIM = 25_000;

/** Verdicts per second without a cache, beside bare parsing and parsing with a whole cursor walk, in the same run. */
export async function policyBench(emit: Emit): Promise<boolean> {
  const policy = await loadPolicy();
  const grammar = await loadBash();
  const reader = treeReader(grammar);
  const works = [
    (text: string) => policy.check(text, null),
    (text: string) => grammar.parse(text, () => {}),
    (text: string) => reader(text),
  ];
  const best = [0, 0, 0];
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, work] of works.entries()) best[i] = Math.max(best[i] ?? 0, rate(work));
  }
  const [verdicts = 0, parse = 0, walk = 0] = best;
  const bench = 'policy';
  emit({ bench, metric: 'verdicts_per_s', value: Math.round(verdicts), unit: '1/s' });
  emit({ bench, metric: 'parses_per_s', value: Math.round(parse), unit: '1/s' });
  emit({ bench, metric: 'parse_walks_per_s', value: Math.round(walk), unit: '1/s' });
  emit({ bench, metric: 'ratio_vs_parse', value: verdicts / parse, unit: 'ratio', baseline: 'tree-sitter parse' });
  emit({
    bench,
    metric: 'ratio_vs_parse_walk',
    value: verdicts / walk,
    unit: 'ratio',
    baseline: 'parse and cursor walk',
  });
  return verdicts >= AIM;
}

function rate(work: (text: string) => unknown): number {
  const started = performance.now();
  let done = 0;
  let elapsed = 0;
  while (elapsed < ROUND_MS) {
    for (const command of COMMANDS) work(command);
    done += COMMANDS.length;
    elapsed = performance.now() - started;
  }
  return (done * 1_000) / elapsed;
}
