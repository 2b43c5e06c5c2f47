/** Why rules do not load. `file` and `line` say where; the code says what kind of mistake it is. */
export class PolicyError extends Error {
  readonly code:
    | 'E_POLICY_READ'
    | 'E_POLICY_YAML'
    | 'E_POLICY_SCHEMA'
    | 'E_POLICY_TIER'
    | 'E_POLICY_EXAMPLE'
    | 'E_POLICY_CASES';
  readonly file: string;
  /** From 1; 0 when the file as a whole is meant. */
  readonly line: number;

  constructor(code: PolicyError['code'], file: string, line: number, message: string) {
    super(`${code} ${file}:${line}: ${message}`);
    this.name = 'PolicyError';
    this.code = code;
    this.file = file;
    this.line = line;
  }
}

/** One line about whatever was thrown. */
export function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\n[\s\S]*/, '');
}
