import { readFileSync, statSync } from 'node:fs';

/** A larger file is a directory server's export, and then the numbers alone must do. */
const MAX_FILE = 1_048_576;

/** Names of local users; read again when the file changes. */
export class Users {
  readonly #file: string;
  #stamp = '';
  #names: ReadonlyMap<number, string> = new Map();

  constructor(file = '/etc/passwd') {
    this.#file = file;
  }

  /** A user's name, or the number as text where there is none. */
  name(uid: number): string {
    this.#refresh();
    return this.#names.get(uid) ?? String(uid);
  }

  #refresh(): void {
    try {
      const { mtimeMs, size, ino } = statSync(this.#file);
      const stamp = `${ino} ${size} ${mtimeMs}`;
      if (stamp === this.#stamp || size > MAX_FILE) return;
      const names = new Map<number, string>();
      for (const line of readFileSync(this.#file, 'utf8').split('\n')) {
        const [name = '', , uid = ''] = line.split(':', 3);
        if (/^[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?$/.test(name) && /^\d{1,10}$/.test(uid)) names.set(Number(uid), name);
      }
      this.#names = names;
      this.#stamp = stamp;
    } catch {
      // No such file: numbers are shown.
    }
  }
}
