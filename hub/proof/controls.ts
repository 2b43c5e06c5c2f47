/** A control of a standard, by its number there, and what this evidence says of it, in our own words. */
export interface Control {
  readonly id: string;
  readonly about: string;
  readonly shows: string;
  readonly not: string;
}

export const STANDARDS = ['soc2', 'iec62443'] as const;
export type Standard = (typeof STANDARDS)[number];

/** How each standard is called where it is cited. */
export const STANDARD_NAMES: Readonly<Record<Standard, string>> = {
  soc2: 'SOC 2: AICPA Trust Services Criteria of 2017',
  iec62443: 'IEC 62443-3-3: system requirements',
};

/**
 * What the evidence has to say to each standard. No control is met by records alone: `not` says what an auditor still has to
 * see elsewhere. Controls of which the chain knows nothing are left out.
 */
export const CONTROLS: Readonly<Record<Standard, readonly Control[]>> = {
  soc2: [
    {
      id: 'CC6.1',
      about: 'logical access is restricted',
      shows:
        'Which operators could approve, in which role and scope, by the roster that the site root signed, and that each command that ran was approved by one of their keys or under a rule that an admin signed.',
      not: 'Who holds a key, how it is kept, and what can be done on a host without Sentinel.',
    },
    {
      id: 'CC6.2',
      about: 'access is given and taken away in order',
      shows:
        'Each version of the roster that came into force, with who was added and whose key ended (roster.changed).',
      not: 'That people were identified before they were added, and that someone who left was taken off in time.',
    },
    {
      id: 'CC6.3',
      about: 'access follows roles and least privilege',
      shows: 'Role and scope of each approver, and the verdict of the policy on each command.',
      not: 'That roles and scopes are those that the organisation wanted.',
    },
    {
      id: 'CC7.2',
      about: 'systems are watched for anomalies',
      shows: 'What was detected, when and on which host (incident.opened), with the reason that the agent gave.',
      not: 'What was not detected, and hosts without an agent.',
    },
    {
      id: 'CC7.3',
      about: 'events are evaluated',
      shows: 'The evidence that was gathered, each diagnosis with what it rests on, and who took the incident on.',
      not: 'That the diagnosis was right: the outcome is recorded, the truth behind it is not.',
    },
    {
      id: 'CC7.4',
      about: 'incidents are responded to',
      shows:
        'What was proposed, approved or rejected, ordered, and what each command answered, in order and with times.',
      not: 'What people did on the host or told each other outside Sentinel.',
    },
    {
      id: 'CC7.5',
      about: 'systems recover',
      shows: 'Whether the fix was verified, rolled back, or handed to a person.',
      not: 'Backups of the hosts, and tests of recovery.',
    },
    {
      id: 'CC8.1',
      about: 'changes are authorised and recorded',
      shows:
        'For each change that Sentinel made: its exact commands, the policy’s hash, the approval signed over them.',
      not: 'Changes that were made in another way.',
    },
  ],
  iec62443: [
    {
      id: 'SR 1.1',
      about: 'people are identified and authenticated',
      shows: 'The key of each person who approved, checked against the signed roster.',
      not: 'That a key is used by its owner alone; a security token asks for a touch, which the chain does not see.',
    },
    {
      id: 'SR 1.2',
      about: 'software and devices are identified and authenticated',
      shows: 'Which agent each result came from, after the hub had checked the agent’s signature, and each enrolment.',
      not: 'The agents’ own signatures: the hub has checked them, and it is the hub that says so.',
    },
    {
      id: 'SR 2.1',
      about: 'authorisation is enforced',
      shows:
        'Verdict and approval before each order; the same is checked again by the agent, which the chain does not show.',
      not: 'Access to a host by other ways.',
    },
    {
      id: 'SR 2.8',
      about: 'events that can be audited',
      shows: 'Every decision, order and result of the hub, changes of roster and policy, halts, enrolments.',
      not: 'Logins to hosts, and reads: nobody’s looking is recorded.',
    },
    {
      id: 'SR 2.9',
      about: 'storage for audit records',
      shows: 'That the chain has no gap from its first record to the last that is shown whole.',
      not: 'How much room is left: see the hub’s metrics.',
    },
    {
      id: 'SR 2.11',
      about: 'time stamps',
      shows: 'Each record has the hub’s clock, and a checkpoint the hub’s signed time, which never goes back.',
      not: 'That the clock was right: there is no time stamp by a third party.',
    },
    {
      id: 'SR 2.12',
      about: 'non-repudiation',
      shows: 'Approvals are signed over the exact commands by keys that the hub does not have.',
      not: 'Acknowledgements, rejections and halts: those are recorded by the hub in the name of who was logged in.',
    },
    {
      id: 'SR 3.4',
      about: 'software and information integrity',
      shows: 'A changed, dropped or reordered record is found by anyone with this bundle’s verifier.',
      not: 'The integrity of Sentinel’s own program files.',
    },
    {
      id: 'SR 3.9',
      about: 'audit information is protected',
      shows: 'Chain, signatures and checkpoints as of the time that is named above.',
      not: 'That nothing came after it: hold the newest checkpoint from elsewhere against the hub (sentinel audit verify --checkpoint).',
    },
    {
      id: 'SR 6.1',
      about: 'audit logs are accessible',
      shows: 'This bundle: it is read and checked without the system that made it.',
      not: 'Who may make one: whoever can read the hub’s store and its key.',
    },
    {
      id: 'SR 6.2',
      about: 'continuous monitoring',
      shows: 'What was detected, and when agents fell silent (incidents of the signal agent.silent).',
      not: 'Telemetry itself: it is kept for hours and is no part of the chain.',
    },
  ],
};
