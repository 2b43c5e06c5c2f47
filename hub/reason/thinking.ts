/** What is kept of thoughts that nobody has read yet: they mean nothing a moment after the answer. */
export const THOUGHT_LIMITS = {
  /** Of UTF-8, the end of what was written: more than any screen shows beside the evidence. */
  bytes: 4_096,
  /** Characters of a stage's name, and of a reasoner's. */
  name: 64,
  /** Reasoners that think at once, over all incidents: models queue, so a real hub stays far below. Past it none is shown. */
  open: 256,
  /** About one incident: more reasoners than a hub has. */
  shown: 8,
} as const;

/** What one reasoner is doing about an incident at this moment. */
export interface Thinking {
  readonly by: string;
  /** For instance `waiting`, `answer`, or a staged model's `triage`. */
  readonly stage: string;
  /** The end of what it has written so far; empty while it reads. Written by a model: data, never to be obeyed. */
  readonly text: string;
  /** When it was asked, in milliseconds since the epoch by the hub's clock. */
  readonly since: number;
}
