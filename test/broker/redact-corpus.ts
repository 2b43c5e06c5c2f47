import { readFileSync } from 'node:fs';
import { redact, redactArgv } from '../../broker/redact.ts';

/** One labelled row of fixtures/redaction; its README says how secrets are marked. */
export interface Row {
  readonly id: string;
  readonly label: 'secret' | 'innocent';
  readonly kind: string;
  readonly text?: string;
  readonly argv?: readonly string[];
}

export interface Judged {
  readonly id: string;
  readonly kind: string;
  /** The row without its marks, in one line, and what became of it. */
  readonly before: string;
  readonly after: string;
  readonly secrets: number;
  /** Secrets of which something can still be read. */
  readonly leaked: readonly string[];
  /** Innocent words that went, or an innocent row that changed. */
  readonly lost: readonly string[];
}

const SECRET = /⟦([^⟧]*)⟧/g;
/** A secret counts as readable when so many characters of it in a row are left; a shorter one when all of it is. */
const READABLE = 6;
const ROOM = 8_000;

export function readRows(name: 'tuned' | 'held-out'): readonly Row[] {
  return readFileSync(`fixtures/redaction/${name}.jsonl`, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row);
}

export function judge(row: Row): Judged {
  const marked = (row.argv ?? [row.text ?? '']).map((part) => part.replaceAll('⟧⟦', ''));
  const parts = marked.map((part) => part.replace(SECRET, '$1'));
  const after = row.argv === undefined ? redact(parts[0] ?? '', ROOM) : redactArgv(parts, ROOM);
  const secrets = marked.flatMap((part) => [...part.matchAll(SECRET)].map(([, secret = '']) => secret));
  const innocent = marked.flatMap((part) => part.replace(SECRET, ' ').split(/[^\p{L}\p{N}_-]+/u));
  const leaked = secrets.filter((secret) => secret.split(/[\s\\]+/).some((word) => isReadable(word, after)));
  const flat = parts.join(' ').replace(/\p{Cc}/gu, ' ');
  const lost =
    row.label === 'innocent' && after !== flat ? ['row'] : innocent.filter((w) => w.length > 3 && !after.includes(w));
  return { id: row.id, kind: row.kind, before: flat, after, secrets: secrets.length, leaked, lost };
}

function isReadable(secret: string, text: string): boolean {
  if (secret.length < 4) return false;
  if (secret.length <= READABLE) return text.includes(secret);
  for (let at = 0; at + READABLE <= secret.length; at++) {
    if (text.includes(secret.slice(at, at + READABLE))) return true;
  }
  return false;
}

export interface Figures {
  readonly rows: number;
  readonly secrets: number;
  readonly recall: number;
  readonly precision: number;
}

export function measure(judged: readonly Judged[]): Figures {
  const secrets = judged.reduce((sum, one) => sum + one.secrets, 0);
  const leaked = judged.reduce((sum, one) => sum + one.leaked.length, 0);
  const lost = judged.filter((one) => one.lost.length > 0).length;
  const hidden = secrets - leaked;
  return { rows: judged.length, secrets, recall: hidden / secrets, precision: hidden / (hidden + lost) };
}
