import type { CodeSection } from './code.ts';

export const ACTS_CODES: CodeSection = {
  title: 'What operators decide',
  about: 'Said by the hub to whoever acts, and by agents about what was approved.',
  codes: {
    E_HUB: { what: 'The hub refused without a reason of its own.', todo: 'Look at its log.' },
    E_HUB_UNREACHABLE: {
      what: 'No hub answers on the local socket of this state folder.',
      todo: 'Start it, or name its folder with `--state DIR`; reading works without it.',
    },
    E_ACT_UNKNOWN: {
      what: 'There is no incident, silence, hold or agent of that name.',
      todo: 'See the list: `sentinel incident list`, `silence list`, `audit hold list`.',
    },
    E_ACT_STATE: {
      what: 'It is in a state in which this can’t be done: already decided, already over, or never begun.',
      todo: 'Look at it again: `sentinel incident show ID`.',
    },
    E_ACT_PLAN_CHANGED: {
      what: 'The plan, or the incident, has changed since it was shown to you.',
      todo: 'Look again, then decide.',
    },
    E_ACT_MISMATCH: {
      what: 'What was signed is not about this plan, this halt or this incident.',
      todo: 'Look again, and sign what is shown now.',
    },
    E_ACT_CONSENT: {
      what: 'A command of the plan needs your consent by its number.',
      todo: 'Look at the commands marked `?`, and name them: `--reviewed 1`.',
    },
    E_ACT_ROLE: {
      what: 'Your role does not allow this, or you are not on the roster.',
      todo: 'Ask an admin: `sentinel operator list` shows who is one.',
    },
    E_ACT_SCOPE: {
      what: 'You may act on other hosts, or on smaller effects, than this.',
      todo: 'Ask somebody whose scope covers it; docs/operators.md.',
    },
    E_ACT_SILENCE: {
      what: 'A silence ends before it begins, lasts too long, has ended, or there are too many.',
      todo: 'Do what the message says.',
    },
    E_ACT_HOLD: {
      what: 'A hold names neither an incident nor an expression, or there are too many.',
      todo: 'Name one of the two, or release some.',
    },
    E_ACT_REMEMBER: {
      what: 'This approval can’t be remembered for later plans: a person decides each time.',
      todo: 'The message says why; docs/automation.md says what can be remembered.',
    },
    E_APPROVAL_OPERATOR: {
      what: 'Who approved is not on the roster that the agent knows.',
      todo: 'Approve as an operator; look whether the agent has heard the newest roster.',
    },
    E_APPROVAL_ROLE: { what: 'Who approved may not approve.', todo: 'Let an approver or an admin decide.' },
    E_APPROVAL_SCOPE: {
      what: 'Who approved may not approve for this host.',
      todo: 'Let somebody decide whose scope covers it.',
    },
    E_APPROVAL_EFFECT: {
      what: 'A command does worse than whoever approved may approve.',
      todo: 'Let somebody decide whose `effect:` scope covers it, or who has none.',
    },
    E_APPROVAL_EXPIRED: {
      what: 'The approval lapsed before the agent could begin.',
      todo: 'Look why the agent was away, and approve again.',
    },
    E_APPROVAL_SITE: {
      what: 'The approval is for another site.',
      todo: 'Look which site the hub and the agent belong to.',
    },
    E_APPROVAL_SECOND: {
      what: 'Two persons have to agree, and the second approval is missing, is by the first one, or is of something else.',
      todo: 'Let another person approve the very same plan.',
    },
    E_RULE_SIGNER: {
      what: 'The rule under which a plan would run alone is not by an admin who is on the roster.',
      todo: 'Start the hub with `--auto-approve` as an admin, and sign it again.',
    },
    E_RULE_SITE: { what: 'That rule is for another site.', todo: 'Sign one for this site.' },
    E_RULE_LAPSED: { what: 'That rule’s time is over.', todo: 'Sign it again, if plans are still to run alone.' },
    E_RULE_WINDOW: { what: 'It is outside the hours of that rule.', todo: 'Decide by hand, or wait.' },
    E_RULE_SCOPE: { what: 'That rule does not cover this host, tag or cause.', todo: 'Decide by hand.' },
    E_RULE_CONFIDENCE: {
      what: 'The rules are less sure of the cause than that rule asks for.',
      todo: 'Decide by hand.',
    },
    E_RULE_CONSENT: {
      what: 'A plan holds a command that needs consent, and what was signed does not give it.',
      todo: 'Decide by hand.',
    },
    E_RULE_BUDGET: {
      what: 'As many plans ran here by that rule within an hour as it gives.',
      todo: 'Decide by hand, and look why there is so much to mend.',
    },
    E_RULE_TEMPLATE: {
      what: 'The commands or processes are not the ones whose approval is remembered.',
      todo: 'Decide by hand; if the hub sent it by itself, look who has its key.',
    },
    E_RULES_SIGNED: {
      what: 'The signatures beside automation.yaml can’t be read, so no rule of it is in force.',
      todo: 'Sign the rules anew: `sentinel automation sign`.',
    },
    E_RULE_REVOKED: {
      what: 'That approval is remembered no more.',
      todo: 'Decide by hand, and have it remembered anew if it is still wanted.',
    },
  },
};
