import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Executor, type ExecutorOptions, type StepReport } from '../../agent/execute.ts';
import { Journal } from '../../agent/journal.ts';
import { readOrder } from '../../agent/open-order.ts';
import { Trust } from '../../agent/trust.ts';
import { signAlone, signApproval } from '../../broker/approvals.ts';
import { type AutomationRule, signRule } from '../../broker/automation-rule.ts';
import { encodeCbor } from '../../broker/cbor.ts';
import { type KeyPair, newKeyPair } from '../../broker/keys.ts';
import type { Approval, Order, Phase, Roster } from '../../broker/messages.ts';
import { sealRoster } from '../../broker/roster.ts';
import { seal } from '../../broker/signed.ts';
import { ulid } from '../../broker/ulid.ts';
import { type Program, programHash } from '../../policy/program.ts';
import type { Decision, Verdict } from '../../policy/verdict.ts';

/** One command, or several in a pipe, as a Program. */
export const programOf = (...pipe: readonly (readonly string[])[]): Program => ({
  version: 1,
  jobs: [{ when: 'always', pipe: pipe.map((argv) => ({ argv, stdout: 'keep', stderr: 'keep' })) }],
});

export const HASH = 'ab'.repeat(32);
export const BOOT = '0123456789abcdef';
const NO_NAMES = { units: [], mounts: [], containers: [], hosts: [], folders: [], processes: [] };

/** A judge that says the same of every program, for what is not about policy. */
export const judgeOf = (decision: Decision): ExecutorOptions['judge'] => ({
  reviewForbidden: false,
  needsRoot: () => false,
  judge: (program): Verdict => ({
    decision,
    rule: 'test.rule',
    effect: 'read',
    attributes: [],
    reason: `the test says ${decision}`,
    program,
    policy: HASH,
  }),
});

const RULE: AutomationRule = {
  id: ulid(),
  site: 'local',
  by: 'adm',
  made: 0,
  not_after: 0,
  confidence: 0.9,
  classes: [],
  hosts: [],
  tags: [],
  windows: [],
  per_host_hour: 2,
};

export interface Planned {
  readonly phase: Phase;
  readonly number: number;
  readonly program: Program;
}

/** A site with a root, a hub and an operator, and one agent's own trust, journal and executor in a folder. */
export class TestSite {
  readonly folder = mkdtempSync(join(tmpdir(), 'sentinel-order-'));
  readonly root = newKeyPair();
  readonly hub = newKeyPair();
  readonly ann = newKeyPair();
  readonly adm = newKeyPair();
  readonly roster: Roster = {
    site: 'local',
    version: 3,
    epoch: 2,
    hub_key: this.hub.public,
    operators: [
      { name: 'ann', key: this.ann.public, role: 'approver', scopes: [] },
      { name: 'adm', key: this.adm.public, role: 'admin', scopes: [] },
    ],
  };
  readonly trust = new Trust(this.folder, this.root.public);
  readonly audit: string[] = [];
  private journals = [new Journal(this.journalFile)];

  constructor() {
    this.trust.learnRoster(sealRoster(this.roster, this.root));
  }

  get journalFile(): string {
    return join(this.folder, 'journal.jsonl');
  }

  get journal(): Journal {
    return this.journals.at(-1) ?? new Journal(this.journalFile);
  }

  /** As after a kill: the same files, nothing of what was in memory. */
  restart(): void {
    this.journals.push(new Journal(this.journalFile));
  }

  file(name: string): string {
    return join(this.folder, name);
  }

  executor(options: Partial<ExecutorOptions> = {}): Executor {
    return new Executor({
      agent: 'web-1',
      boot: BOOT,
      live: true,
      trust: this.trust,
      journal: this.journal,
      judge: judgeOf('allow'),
      inventory: () => NO_NAMES,
      now: Date.now,
      audit: (what) => this.audit.push(what),
      ...options,
    });
  }

  approval(programs: readonly Planned[], change: Partial<Approval> = {}): Approval {
    return {
      id: ulid(),
      site: 'local',
      incident: ulid(),
      plan_hash: HASH,
      policy_hash: HASH,
      host: 'web-1',
      programs: programs.map(({ phase, number, program }) => ({ phase, number, hash: programHash(program) })),
      reviewed: [],
      processes: [],
      by: 'ann',
      role: 'approver',
      not_after: Date.now() + 60_000,
      ...change,
    };
  }

  order(approval: Approval, programs: readonly Planned[], change: Partial<Order> = {}, by: KeyPair = this.ann): Order {
    const { payload, signature } = signApproval(approval, by);
    return {
      id: ulid(),
      site: 'local',
      epoch: 2,
      agent: 'web-1',
      boot: BOOT,
      incident: approval.incident,
      approval: payload,
      approval_signature: signature,
      programs,
      dry_run: false,
      timeout: 20,
      audit_head: { count: 5, hash: HASH },
      ...change,
    };
  }

  /** An approval that nobody gave: by a rule of `adm`, changed as a test wants, that `signer` has signed. */
  alone(
    programs: readonly Planned[],
    change: Partial<AutomationRule> = {},
    signer: KeyPair = this.adm,
    approval: Partial<Approval> = {},
  ): Approval {
    const { payload, signature } = signRule(
      { ...RULE, made: Date.now(), not_after: Date.now() + 60_000, ...change },
      signer,
    );
    const alone = { rule: payload, rule_signature: signature, cause: 'service-failed', confidence: 0.93 };
    return this.approval(programs, { by: 'adm', role: 'admin', alone, ...approval });
  }

  /** The order for it, signed by the hub or by who would like to be it. */
  orderAlone(approval: Approval, programs: readonly Planned[], by: KeyPair = this.hub): Order {
    const { payload, signature } = signAlone(approval, by);
    return this.order(approval, programs, { approval: payload, approval_signature: signature });
  }

  /** The order as it travels, read as the agent reads it. */
  arrived(order: Order, by: KeyPair = this.hub): Order {
    return readOrder(seal('order', encodeCbor(order), by), this.trust);
  }

  async run(order: Order, options: Partial<ExecutorOptions> = {}): Promise<StepReport[]> {
    const reports: StepReport[] = [];
    await this.executor(options).run(this.arrived(order), (report) => reports.push(report));
    return reports;
  }

  close(): void {
    for (const journal of this.journals) journal.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What came of each step, in short. */
export const inShort = (reports: readonly StepReport[]): string[] =>
  reports.map(
    ({ step, state, code }) =>
      `${step === undefined ? 'order' : `${step.phase} ${step.number}`} ${state}${code === undefined ? '' : ` ${code}`}`,
  );
