import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { scoredFaults } from './calibration-rows.ts';
import { fitCalibration } from './fit-calibration.ts';

/** `npm run calibrate`: fits the table to fixtures/calibration/fit.jsonl and writes it where `rules` reads it. */
const table = fitCalibration(await scoredFaults('fit'));
const lines = table.map(({ from, faults, right }) => `  { from: ${from}, faults: ${faults}, right: ${right} },`);
const text = `import type { Bin } from './calibration.ts';

/** Written by \`npm run calibrate\` from fixtures/calibration/fit.jsonl: faults that no playbook was fitted to. */
export const CALIBRATION: readonly Bin[] = [
${lines.join('\n')}
];
`;
writeFileSync(fileURLToPath(new URL('../../hub/reason/calibration-table.ts', import.meta.url)), text);
console.log(text);
