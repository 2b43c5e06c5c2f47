import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where the compiled rooms lie that decide a verdict: this one with the rules' trees, and the grammars beside it. */
const HERE = fileURLToPath(new URL('./', import.meta.url));
/** Written by the build (build.mjs) when every example of the built-in rules held. */
const NOTE = 'rules-tried.json';

/**
 * SHA-256, hex, of all that the built-in rules' examples are tried against: the rules (`builtIn`, their own hash), the
 * trees that are loaded in their place, and the code of the policy and its grammars. Throws Node's own errors.
 */
export function triedHash(builtIn: string, policy = HERE): string {
  const hash = createHash('sha256').update(builtIn);
  const add = (name: string, bytes: Uint8Array): unknown => hash.update(`\n${name} ${bytes.length}\n`).update(bytes);
  add('rules.json', readFileSync(join(policy, 'rules.json')));
  for (const room of ['policy', 'grammars']) {
    const folder = room === 'policy' ? policy : join(policy, '..', room);
    const modules = readdirSync(folder).filter((name) => name.endsWith('.js'));
    for (const name of modules.sort()) add(`${room}/${name}`, readFileSync(join(folder, name)));
  }
  return hash.digest('hex');
}

/**
 * Whether the build has tried the examples of these built-in rules with these very trees and this very code; where nothing
 * says so, they are tried. The note lies beside the code: it tells of damage and of half a build, not of who may write there.
 */
export function wereTried(builtIn: string, policy = HERE): boolean {
  try {
    const { hash } = JSON.parse(readFileSync(join(policy, NOTE), 'utf8')) as { readonly hash?: unknown };
    return hash === triedHash(builtIn, policy);
  } catch {
    return false;
  }
}
