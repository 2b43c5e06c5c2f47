/** Why rules do not load. `file` and `line` say where; the code says what kind of mistake it is. */
export class PolicyError extends Error {
  readonly code: 'E_POLICY_READ' | 'E_POLICY_YAML' | 'E_POLICY_SCHEMA' | 'E_POLICY_TIER' | 'E_POLICY_EXAMPLE';
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
