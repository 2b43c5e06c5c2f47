import { controlName, FINALS, TILDES } from './key-names.ts';

/**
 * One thing that an operator did. `name` is canonical: the character itself (`j`, `G`, `é`), or a word (`enter`,
 * `escape`, `up`, `page-down`, `f1`), with `ctrl-`, `alt-`, `shift-` before it. A paste is one event, whatever is in it.
 */
export type Key = { readonly type: 'key'; readonly name: string } | { readonly type: 'paste'; readonly text: string };

/** More of a paste than this is dropped: no field of ours is longer. */
const PASTE_BYTES = 65_536;
/** A control sequence longer than this is not one. */
const SEQUENCE_BYTES = 64;

const ESC = 0x1b;
const PASTE_END = [ESC, 0x5b, 0x32, 0x30, 0x31, 0x7e];

const unknown: Key = { type: 'key', name: 'unknown' };
const key = (name: string): Key => ({ type: 'key', name });

/** How many bytes must follow the first one of a UTF-8 character; 0 for a byte that begins none. */
function continuation(byte: number): number {
  if (byte < 0xc2 || byte > 0xf4) return 0;
  return byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
}

function modified(name: string, code: number): string {
  const bits = code - 1;
  return `${bits & 4 ? 'ctrl-' : ''}${bits & 2 ? 'alt-' : ''}${bits & 1 ? 'shift-' : ''}${name}`;
}

/** The key of a whole CSI sequence; reports that we never asked for (mouse, focus, cursor) are no key. */
function sequence(params: string, final: string): readonly Key[] {
  if (/[^0-9;]/.test(params)) return [];
  const [first = '', second = ''] = params.split(';');
  const name = final === '~' ? TILDES[first] : FINALS[final];
  if (name === undefined || (final === 'R' && params !== '' && first !== '1')) return final === 'R' ? [] : [unknown];
  const modifier = Number(second);
  return [key(modifier >= 2 && modifier <= 16 ? modified(name, modifier) : name)];
}

type Mode = 'ground' | 'utf8' | 'escape' | 'csi' | 'ss3' | 'linux' | 'mouse' | 'string' | 'string-escape' | 'paste';

/**
 * Turns the bytes of a terminal into keys, one byte at a time, so that the same bytes give the same keys however the
 * network split them. An escape that nothing follows is only known by waiting: the caller calls `flush` when no byte
 * came for a while. Nothing here reads a clock or throws.
 */
export class KeyParser {
  #mode: Mode = 'ground';
  #bytes: number[] = [];
  #need = 0;
  #alt = false;
  #introducer = 0;

  /** What has begun and not ended: the caller then starts a timer for `flush`, a longer one for a paste. */
  get pending(): 'nothing' | 'sequence' | 'paste' {
    return this.#mode === 'ground' ? 'nothing' : this.#mode === 'paste' ? 'paste' : 'sequence';
  }

  feed(chunk: Uint8Array): readonly Key[] {
    const out: Key[] = [];
    for (const byte of chunk) this.#take(byte, out);
    return out;
  }

  /** No more bytes came: what was an unfinished sequence is the keys that were pressed. */
  flush(): readonly Key[] {
    const mode = this.#mode;
    const bytes = this.#bytes;
    const empty = bytes.length === 0;
    this.#reset();
    if (mode === 'paste') return [{ type: 'paste', text: Buffer.from(bytes).toString('utf8') }];
    if (mode === 'escape') return [key('escape')];
    if (mode === 'csi') return empty ? [key('alt-[')] : [unknown];
    if (mode === 'ss3') return [key('alt-O')];
    if (mode === 'string') return empty ? [key(`alt-${String.fromCharCode(this.#introducer)}`)] : [];
    return mode === 'utf8' ? [key('\ufffd')] : [];
  }

  #reset(): void {
    this.#mode = 'ground';
    this.#bytes = [];
    this.#alt = false;
  }

  #emit(out: Key[], name: string): void {
    const alt = this.#alt;
    this.#reset();
    out.push(key(alt ? `alt-${name}` : name));
  }

  #take(byte: number, out: Key[]): void {
    if (this.#mode === 'ground') this.#ground(byte, out);
    else if (this.#mode === 'utf8') this.#utf8(byte, out);
    else if (this.#mode === 'escape') this.#escape(byte, out);
    else if (this.#mode === 'csi') this.#csi(byte, out);
    else if (this.#mode === 'ss3') this.#ss3(byte, out);
    else if (this.#mode === 'linux') this.#linux(byte, out);
    else if (this.#mode === 'mouse') this.#mouse();
    else if (this.#mode === 'paste') this.#paste(byte, out);
    else this.#string(byte, out);
  }

  #ss3(byte: number, out: Key[]): void {
    this.#reset();
    if (byte >= 0x20 && byte <= 0x7e) {
      out.push(...sequence('', String.fromCharCode(byte)));
    } else {
      out.push(key('alt-O'));
      this.#ground(byte, out);
    }
  }

  /** The Linux console sends its first five function keys as ESC [ [ A to E. */
  #linux(byte: number, out: Key[]): void {
    this.#reset();
    if (byte >= 0x41 && byte <= 0x45) out.push(key(`f${byte - 0x40}`));
    else this.#ground(byte, out);
  }

  /** Three bytes of an old mouse report, which nobody asked for. */
  #mouse(): void {
    this.#need--;
    if (this.#need === 0) this.#reset();
  }

  #ground(byte: number, out: Key[]): void {
    if (byte === ESC) {
      this.#mode = 'escape';
    } else if (byte < 0x20 || byte === 0x7f) {
      this.#emit(out, controlName(byte));
    } else if (byte < 0x80) {
      this.#emit(out, byte === 0x20 ? 'space' : String.fromCharCode(byte));
    } else {
      this.#need = continuation(byte);
      this.#bytes = [byte];
      if (this.#need === 0) this.#emit(out, '\ufffd');
      else this.#mode = 'utf8';
    }
  }

  #utf8(byte: number, out: Key[]): void {
    if (byte < 0x80 || byte > 0xbf) {
      this.#emit(out, '\ufffd');
      this.#ground(byte, out);
      return;
    }
    this.#bytes.push(byte);
    this.#need--;
    if (this.#need > 0) return;
    const text = Buffer.from(this.#bytes).toString('utf8');
    // One bad sequence may decode to several replacement characters; it was one key.
    const code = text.codePointAt(0) ?? 0;
    const single = [...text].length === 1 && !(code >= 0x80 && code <= 0x9f);
    this.#emit(out, single ? text : '\ufffd');
  }

  #escape(byte: number, out: Key[]): void {
    if (byte === ESC) {
      out.push(key('escape'));
    } else if (byte === 0x5b) {
      this.#mode = 'csi';
    } else if (byte === 0x4f) {
      this.#mode = 'ss3';
    } else if (byte === 0x5d || byte === 0x50 || byte === 0x58 || byte === 0x5e || byte === 0x5f) {
      this.#introducer = byte;
      this.#mode = 'string';
    } else {
      this.#mode = 'ground';
      this.#alt = true;
      this.#ground(byte, out);
    }
  }

  #csi(byte: number, out: Key[]): void {
    if (byte >= 0x20 && byte <= 0x3f) {
      this.#bytes.push(byte);
      if (this.#bytes.length > SEQUENCE_BYTES) {
        this.#reset();
        out.push(unknown);
      }
      return;
    }
    const params = String.fromCharCode(...this.#bytes);
    this.#reset();
    if (byte < 0x40 || byte > 0x7e) {
      out.push(unknown);
      this.#ground(byte, out);
      return;
    }
    const final = String.fromCharCode(byte);
    if (final === '[' && params === '') {
      this.#mode = 'linux';
    } else if (final === 'M' && params === '') {
      this.#mode = 'mouse';
      this.#need = 3;
    } else if (final === '~' && params === '200') {
      this.#mode = 'paste';
    } else if (final === '~' && params === '201') {
      // An end without a beginning says nothing.
    } else if ((final === 'I' || final === 'O') && params === '') {
      // The window got or lost the focus.
    } else {
      out.push(...sequence(params, final));
    }
  }

  /** OSC, DCS and their kin are answers of a terminal: swallowed to their end, which is BEL or ESC \. */
  #string(byte: number, out: Key[]): void {
    if (this.#mode === 'string-escape') {
      this.#reset();
      if (byte !== 0x5c) {
        this.#mode = 'escape';
        this.#escape(byte, out);
      }
    } else if (byte === 0x07 || byte === 0x18 || byte === 0x1a) {
      this.#reset();
    } else if (byte === ESC) {
      this.#mode = 'string-escape';
    } else if (this.#bytes.length < SEQUENCE_BYTES) {
      this.#bytes.push(byte);
    }
  }

  #paste(byte: number, out: Key[]): void {
    // The end marker must be found even when the paste is over its limit, so the tail is always kept.
    if (this.#bytes.length >= PASTE_BYTES + PASTE_END.length) this.#bytes.splice(PASTE_BYTES, 1);
    this.#bytes.push(byte);
    const start = this.#bytes.length - PASTE_END.length;
    if (byte !== 0x7e || start < 0 || !PASTE_END.every((want, i) => this.#bytes[start + i] === want)) return;
    const text = Buffer.from(this.#bytes.slice(0, start)).toString('utf8');
    this.#reset();
    out.push({ type: 'paste', text });
  }
}

/**
 * One read of the terminal as one chunk for the dialog's guard: a sequence that begins behind a key makes the chunk
 * more than that key, though nothing is known of it yet.
 */
export function chunkOf(parser: KeyParser, bytes: Uint8Array): readonly Key[] {
  const keys = parser.feed(bytes);
  return keys.length > 0 && parser.pending !== 'nothing' ? [...keys, unknown] : keys;
}

/** The character that a key types into a field, or undefined for a key that types none. */
export function typed(pressed: Key): string | undefined {
  if (pressed.type === 'paste') return undefined;
  if (pressed.name === 'space') return ' ';
  return [...pressed.name].length === 1 && pressed.name !== '\ufffd' ? pressed.name : undefined;
}
