/** A fault that is ready to begin: what it will do to this host, and how the agent will see it. */
export interface Prepared {
  /** The signal that will fire, and the metric on which it does. */
  readonly signal: string;
  readonly metric: string;
  /** When the metric crosses which limit, for people. */
  readonly expect: string;
  /** What ends it, for people. */
  readonly fix: string;
  /** Further arguments of the fault's own process. */
  readonly args: readonly string[];
  /** The budget that the agent will be told, as a watch drop-in. */
  readonly dropIn: (pgidFile: string) => string;
  /** A folder that it made, and whether a filesystem is mounted on it. */
  readonly folder?: string;
  readonly mounted?: boolean;
  /** True when the fix was seen at work, for a fault that does not end with its process. */
  readonly fixed?: () => Promise<boolean>;
}

export interface PrepareOptions {
  /** Use a quota folder though a mount would be possible. */
  readonly folder: boolean;
  /** Says something to the person who runs it. */
  readonly say: (line: string) => void;
}

/** One real fault: bounded, and gone without a trace when it is over. */
export interface Scenario {
  readonly name: string;
  readonly what: string;
  readonly signal: string;
  /** The metric on which the signal fires; a label that is only known at the run is left as `...`. */
  readonly metric: string;
  /** Seconds that the budget stays declared after the fix, so that the metric is seen to come back. */
  readonly linger: number;
  /**
   * Whether it can be a service of systemd's, healed by a restart: `may`, `only` where it is nothing else, `job` for one
   * that a timer starts. Absent: it can't.
   */
  readonly unit?: 'may' | 'only' | 'job';
  /** Makes what the fault needs. Throws a ScenarioError when this host has no room for it. */
  readonly prepare: (options: PrepareOptions) => Promise<Prepared>;
}

export type ScenarioCode =
  | 'E_USAGE'
  | 'E_SCENARIO_UNKNOWN'
  | 'E_SCENARIO_STATE'
  | 'E_SCENARIO_RUNNING'
  | 'E_SCENARIO_ROOM'
  | 'E_SCENARIO_RIGHTS'
  | 'E_SCENARIO_START';

export class ScenarioError extends Error {
  readonly code: ScenarioCode;
  constructor(code: ScenarioCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Name of the watched group or folder, so that nobody takes it for the site's own. */
export const watchedName = (scenario: string): string => `scenario-${scenario}`;

/** The drop-in of a fault that the host's own limits see: a budget that nothing reaches makes the agent look anew. */
export const NO_BUDGET = 'processes_max: 1000';

/** A drop-in that puts one budget, written as YAML, on the fault's process group. */
export const groupBudget =
  (scenario: string, budget: string) =>
  (pgidFile: string): string =>
    `version: 1\ngroups:\n  - name: ${watchedName(scenario)}\n    pgid_file: ${JSON.stringify(pgidFile)}\n    ${budget}\n`;

/** On any machine: the agent samples every ten seconds at the slowest, and three samples make a finding. */
export const DETECTED_WITHIN_S = 60;
