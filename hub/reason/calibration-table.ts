import type { Bin } from './calibration.ts';

/** Written by `npm run calibrate` from fixtures/calibration/fit.jsonl: faults that no playbook was fitted to. */
export const CALIBRATION: readonly Bin[] = [
  { from: 0.65, faults: 29, right: 27 },
  { from: 0.71, faults: 41, right: 41 },
];
