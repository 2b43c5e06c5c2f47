/**
 * How Node is started for an agent: `up` and the unit files do so, and the bench measures it so (docs/senses.md has the
 * figures of each choice).
 *
 * - `--jitless` keeps V8 from compiling to machine code: a sample is a few hundred short reads of /proc, most of whose time is
 *   the kernel's, and the memory of compiled code is what an edge host feels. Unlike `--lite-mode` it keeps inline caches.
 * - `--no-expose-wasm` says what that implies, or Node warns of it at every start.
 * - `--max-semi-space-size=1` (MiB): a sample leaves some 0.4 MiB of garbage, and the usual 16 MiB would fill first.
 */
export const AGENT_NODE_FLAGS: readonly string[] = ['--jitless', '--no-expose-wasm', '--max-semi-space-size=1'];
