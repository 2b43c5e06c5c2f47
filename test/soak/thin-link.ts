import { parseArgs } from 'node:util';
import { comeBack } from '../system/cut.ts';

/** An alert may take so long, whatever else is being brought. */
const ALERT_MAX_S = 15;

/**
 * `npm run soak -- thin-link [--samples N] [--alerts N]`, as root with nftables: an agent behind 9,600 bit/s, 2 s each way and
 * 10 % loss comes back from a cut; a day is 2,880 samples. Exits 1 when an alert takes longer than 15 s or a sample is missing.
 */
const { values } = parseArgs({
  options: { samples: { type: 'string', default: '2880' }, alerts: { type: 'string', default: '5' } },
});
const found = await comeBack(Number(values.samples), Number(values.alerts), (line) =>
  console.error(`thin-link: ${line}`),
);
console.log(JSON.stringify({ soak: 'thin-link', ...found }));
process.exitCode = found.missing === 0 && found.alerts.every((s) => s <= ALERT_MAX_S) ? 0 : 1;
