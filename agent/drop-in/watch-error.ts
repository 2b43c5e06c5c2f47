export type WatchCode = 'E_WATCH_READ' | 'E_WATCH_SYNTAX' | 'E_WATCH_VERSION' | 'E_WATCH_FIELD' | 'E_WATCH_LIMIT';

/** What is wrong in a drop-in, where, and what to write instead. */
export class WatchError extends Error {
  readonly code: WatchCode;
  readonly file: string;
  readonly line: number;
  readonly fix: string;

  constructor(code: WatchCode, file: string, line: number, problem: string, fix: string) {
    super(`${file}:${line}: ${problem}; ${fix}`);
    this.code = code;
    this.file = file;
    this.line = line;
    this.fix = fix;
  }
}
