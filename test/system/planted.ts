import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** What was planted or made, under a name, in every form in which it could stand somewhere. */
interface Needle {
  readonly name: string;
  readonly form: string;
  readonly bytes: Buffer;
}

export interface Leak {
  readonly where: string;
  readonly name: string;
  readonly form: string;
}

/**
 * Secrets of one test, and the search for them. Whatever is found of a text that was made here is found by a third of it:
 * a mask that leaves a part of a secret to be read has not hidden it.
 */
export class Planted {
  /** Of letters and digits in no order, as passwords and tokens are. */
  readonly #mark = `q7Z${randomBytes(9).toString('base64url').replace(/[-_]/g, 'x')}4k`;
  readonly #needles: Needle[] = formsOf('a planted text', Buffer.from(this.#mark));

  /** A text to be kept secret, of `name` so that a leak tells which one it was. */
  text(name: string): string {
    return `${this.#mark}0${name}0${this.#mark}`;
  }

  /** Something that the program has made itself: a key's secret half, a token, a MAC secret. */
  add(name: string, bytes: Uint8Array): void {
    this.#needles.push(...formsOf(name, Buffer.from(bytes)));
  }

  /** Every form of every secret that stands in these bytes. */
  in(where: string, content: string | Uint8Array): Leak[] {
    const bytes = Buffer.from(content as Uint8Array);
    return this.#needles.flatMap(({ name, form, bytes: wanted }) =>
      bytes.includes(wanted) ? [{ where, name, form }] : [],
    );
  }

  /** The same for every file below a folder. */
  below(folder: string): Leak[] {
    return [...filesBelow(folder)].flatMap((file) => this.in(file, readFileSync(file)));
  }
}

export function* filesBelow(folder: string): Generator<string> {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isDirectory()) yield* filesBelow(path);
    else if (found?.isFile()) yield path;
  }
}

/** As it is, in hex, and in base64 wherever in a longer text it may begin. */
function formsOf(name: string, bytes: Buffer): Needle[] {
  const hex = bytes.toString('hex');
  const needles = [
    { name, form: 'as it is', bytes },
    { name, form: 'hex', bytes: Buffer.from(hex) },
    { name, form: 'hex', bytes: Buffer.from(hex.toUpperCase()) },
  ];
  for (const before of [0, 1, 2]) {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64url');
    // Without the characters that what stands before and behind it has a part in.
    const inner = text.slice(Math.ceil((before * 4) / 3), Math.floor(((before + bytes.length) * 4) / 3));
    for (const form of new Set([inner, inner.replaceAll('-', '+').replaceAll('_', '/')]))
      needles.push({ name, form: 'base64', bytes: Buffer.from(form) });
  }
  return needles;
}
