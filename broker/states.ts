import { type Infer, int, oneOf, pattern, record } from './shape.ts';

/** Whether somebody is there, as is retained for who comes later; the dead one is the connection's will. */
const state = oneOf('online', 'dead', 'stopped');
const boot = pattern(/^[0-9a-f]{16}$/, '16 hex digits');
const millis = int(0, 8_640_000_000_000_000);

export const agentState = record({ boot, state, ts: millis });
export type AgentState = Infer<typeof agentState>;

/** The hub's own. It is not signed, and nothing but a greeting follows from it. */
export const hubState = record({ state, ts: millis });
export type HubState = Infer<typeof hubState>;
