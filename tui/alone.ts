import type { RememberedRule } from '../broker/remembered.ts';
import type { RememberedRead } from '../hub/automation/read.ts';

/** What may run with nobody there, and what did. */
export interface Automation {
  /** Null: nothing runs alone. */
  readonly rule: {
    readonly id: string;
    readonly by: string;
    readonly confidence: number;
    readonly until: number;
    readonly perHostHour: number;
    /** Hosts, tags, classes and windows in words; empty where it covers everything. */
    readonly scope: string;
  } | null;
  /** Approvals that are remembered: plans of just these commands run alone, whatever the rule. */
  readonly remembered: readonly RememberedRead[];
  /** Rules of the site's own file that are in force. */
  readonly written: readonly { readonly name: string; readonly by: string; readonly until: number }[];
  /** Plans that ran alone on a host within the hour. */
  readonly spent: readonly { readonly host: string; readonly plans: number }[];
  /** What failed within a day, and is a person's since. */
  readonly breakers: readonly {
    readonly of: 'host' | 'playbook';
    readonly name: string;
    readonly incident: string;
    readonly closesIn: number;
  }[];
  /** How the newest plans were sent their way. */
  readonly routes: readonly {
    readonly incident: string;
    readonly host: string;
    readonly title: string;
    readonly at: number;
    readonly alone: boolean;
    readonly why: string;
  }[];
}

/** What remembering an approval would sign, as it is to be shown, or why this one is a person's each time. */
export type Rememberable = { readonly rule: RememberedRule } | { readonly why: string };

/** For how long and for which other hosts an approval is to be remembered. */
export interface LaterWish {
  readonly days: number;
  readonly on: readonly string[];
}
