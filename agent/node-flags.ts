/**
 * How Node is started for an agent that only watches: `up` and the unit file do so, and the bench measures it so.
 * `--no-expose-wasm` says what lite mode implies, or Node warns of it at every start.
 * `--lite-mode` keeps V8 from compiling to machine code: a sample is a few hundred short reads of /proc, most of whose
 * time is the kernel's, and the memory for feedback and compiled code is what an edge host feels (docs/agent.md has
 * the figures with and without).
 */
export const AGENT_NODE_FLAGS: readonly string[] = ['--lite-mode', '--no-expose-wasm'];
