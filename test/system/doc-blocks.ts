import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const CHECKOUT = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

/** One block of commands on a page, what it is marked as, and the heading above it. */
export interface Block {
  readonly heading: string;
  readonly language: string;
  readonly code: string;
}

/** The blocks of a page that are marked `sh`, or as one of these languages, in their order. */
export function blocksOf(page: string, languages: readonly string[] = ['sh']): Block[] {
  const found: Block[] = [];
  let heading = '';
  let language = '';
  let code: string[] | null = null;
  for (const line of readFileSync(join(CHECKOUT, page), 'utf8').split('\n')) {
    if (line.startsWith('## ')) heading = line.slice(3);
    if (code === null && line.startsWith('```') && languages.includes(line.slice(3))) {
      language = line.slice(3);
      code = [];
    } else if (line === '```' && code !== null) {
      found.push({ heading, language, code: code.join('\n') });
      code = null;
    } else code?.push(line);
  }
  return found;
}
