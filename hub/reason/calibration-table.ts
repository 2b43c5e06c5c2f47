import type { Bin } from './calibration.ts';

/** Written by `npm run calibrate` from fixtures/calibration/fit.jsonl: faults that no playbook was fitted to. */
export const CALIBRATION: readonly Bin[] = [
  { from: 0.65, faults: 25, right: 24 },
  { from: 0.71, faults: 43, right: 43 },
];
