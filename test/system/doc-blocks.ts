import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const CHECKOUT = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

/** One block of commands on a page, and the heading above it. */
export interface Block {
  readonly heading: string;
  readonly code: string;
}

/** The blocks marked `sh` of a page, in their order. */
export function blocksOf(page: string): Block[] {
  const found: Block[] = [];
  let heading = '';
  let code: string[] | null = null;
  for (const line of readFileSync(join(CHECKOUT, page), 'utf8').split('\n')) {
    if (line.startsWith('## ')) heading = line.slice(3);
    if (line === '```sh') code = [];
    else if (line === '```' && code !== null) {
      found.push({ heading, code: code.join('\n') });
      code = null;
    } else code?.push(line);
  }
  return found;
}
