/** Sentinel's own version: what an agent's birth says, and what a hub holds it against. */
export const VERSION = '0.1.0';
