import type { CodeSection } from './code.ts';

export const POLICY_CODES: CodeSection = {
  title: 'Policy and playbooks',
  about: 'About rules and fixes that a site writes.',
  codes: {
    E_POLICY_READ: {
      what: 'A rule file, a folder of them, or a file of cases can’t be read.',
      todo: 'Mend its path or its mode; the rules before stay in force.',
    },
    E_POLICY_YAML: {
      what: 'A rule file is no plain YAML, or uses aliases, tags or a key twice.',
      todo: 'Mend the line that the message names.',
    },
    E_POLICY_SCHEMA: {
      what: 'A rule file says something that a rule can’t say.',
      todo: 'Mend the line; docs/policy.md has every field.',
    },
    E_POLICY_TIER: {
      what: 'A site’s or group’s file describes a command: that is the product’s.',
      todo: 'Write rules that tighten; they may not add.',
    },
    E_POLICY_EXAMPLE: {
      what: 'An example that a rule file promises does not hold, or there is none.',
      todo: 'Mend the rule or the example; `sentinel policy test` runs all.',
    },
    E_POLICY_CASES: {
      what: 'A file of cases is empty, too long, or a line of it is none.',
      todo: 'Write JSON lines with `cmd` and `verdict`, or YAML with `allow`, `review` and `block`.',
    },
    E_PLAYBOOK: {
      what: 'A playbook can’t be read or filled. The message names the file and the line.',
      todo: 'Mend it; `sentinel playbook test ID` says when it is right.',
    },
    E_CATALOGUE: {
      what: 'The catalogue of command templates that ships here is broken.',
      todo: 'Install this version again.',
    },
    E_CATALOGUE_NAME: {
      what: 'No fit name was given for a blank of a template.',
      todo: 'Nothing: that command is left out of the plan.',
    },
    E_PLAN_INPUT: {
      what: 'No grammar could be built for an incident’s answer: a name in it has another form.',
      todo: 'Nothing: the rules answer alone. Report the incident’s evidence if it stays so.',
    },
    E_PLAN_OUTPUT: {
      what: 'A model’s answer is none under its grammar.',
      todo: 'Nothing: it costs that answer. A model that does this often is the wrong one.',
    },
  },
};
