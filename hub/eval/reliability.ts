/** One answer: how sure it was, 0..1, and whether its cause was right. */
export interface Judged {
  readonly said: number;
  readonly right: boolean;
}

/** Answers of about the same confidence: what they said on average, and how often they were right. */
export interface Bucket {
  readonly from: number;
  readonly to: number;
  readonly answers: number;
  readonly said: number;
  readonly right: number;
}

/** Ten equal steps, as reliability diagrams have (Guo et al. 2017, "On calibration of modern neural networks"). */
const STEPS = 10;

/** The reliability diagram: buckets without an answer are left out. */
export function reliability(judged: readonly Judged[]): readonly Bucket[] {
  const buckets: Bucket[] = [];
  for (let step = 0; step < STEPS; step++) {
    const inside = judged.filter(({ said }) => Math.min(STEPS - 1, Math.floor(said * STEPS + 1e-9)) === step);
    if (inside.length === 0) continue;
    buckets.push({
      from: step / STEPS,
      to: (step + 1) / STEPS,
      answers: inside.length,
      said: inside.reduce((sum, { said }) => sum + said, 0) / inside.length,
      right: inside.filter(({ right }) => right).length / inside.length,
    });
  }
  return buckets;
}

/** Expected calibration error: how far what is said is from what is right, weighed by answers. Null of no answer. */
export function calibrationError(judged: readonly Judged[]): number | null {
  if (judged.length === 0) return null;
  const sum = reliability(judged).reduce((total, one) => total + one.answers * Math.abs(one.said - one.right), 0);
  return Math.round((sum / judged.length) * 1_000) / 1_000;
}
