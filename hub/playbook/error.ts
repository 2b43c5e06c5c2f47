/** Why a playbook was left out: names the file and the line, and says what to write instead. */
export class PlaybookError extends Error {
  readonly code = 'E_PLAYBOOK';
  readonly file: string;
  /** From 1; 0 when the file or folder as a whole is meant. */
  readonly line: number;
  readonly fix: string;
  constructor(file: string, line: number, problem: string, fix: string) {
    super(`${file}${line > 0 ? `:${line}` : ''}: ${problem}. Fix: ${fix}`);
    this.file = file;
    this.line = line;
    this.fix = fix;
  }
}
