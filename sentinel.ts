#!/usr/bin/env node
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Commands, frontDoor } from './broker/front-door.ts';

/** The one front door: each command is loaded only when it is called, so that none pays for another. */
export const COMMANDS: Commands = {
  up: {
    summary: 'hub, an agent for this host and the TUI in one: start here',
    load: async () => (await import('./tui/up.ts')).upCommand,
  },
  hub: { summary: 'run the hub', load: async () => (await import('./hub/commands/hub.ts')).hubCommand },
  agent: {
    summary: 'run an agent for this host',
    load: async () => (await import('./agent/agent-command.ts')).agentCommand,
  },
  exec: {
    summary: 'carry out orders as root, for an agent that is not',
    load: async () => (await import('./agent/exec/exec-command.ts')).execCommand,
  },
  init: {
    summary: 'make a site for several hosts',
    load: async () => (await import('./hub/commands/init.ts')).initCommand,
  },
  enroll: {
    summary: 'let another host join the site, or revoke one',
    load: async () => (await import('./hub/commands/enroll.ts')).enrollCommand,
  },
  operator: {
    summary: 'add, list and revoke operators, and give one another key',
    load: async () => (await import('./hub/commands/operator.ts')).operatorCommand,
  },
  upgrade: {
    summary: 'bring agents another version over the mesh',
    load: async () => (await import('./hub/commands/upgrade.ts')).upgradeCommand,
  },
  halt: {
    summary: 'stop all execution, and lift that again',
    load: async () => (await import('./hub/commands/halt.ts')).haltCommand,
  },
  automation: {
    summary: 'what runs with nobody there, and what a rule would have run last month',
    load: async () => (await import('./hub/commands/automation.ts')).automationCommand,
  },
  acl: {
    summary: 'write the mesh’s rules for another broker',
    load: async () => (await import('./hub/commands/acl.ts')).aclCommand,
  },
  roster: {
    summary: 'sign and install the roster',
    load: async () => (await import('./hub/commands/roster.ts')).rosterCommand,
  },
  keys: {
    summary: 'encrypt the hub’s keys at rest, and say which are',
    load: async () => (await import('./hub/commands/keys.ts')).keysCommand,
  },
  tui: { summary: 'the operator’s screen', load: async () => (await import('./tui/tui-command.ts')).tuiCommand },
  incident: {
    summary: 'list, show, approve, reject, acknowledge and cancel incidents',
    load: async () => (await import('./hub/commands/incident.ts')).incidentCommand,
  },
  playbook: {
    summary: 'list, show and test playbooks, or begin a new one',
    load: async () => (await import('./hub/commands/playbook.ts')).playbookCommand,
  },
  silence: {
    summary: 'add, list and remove silences and maintenance windows',
    load: async () => (await import('./hub/commands/silence.ts')).silenceCommand,
  },
  notify: {
    summary: 'list and test the channels that are told of incidents',
    load: async () => (await import('./hub/commands/notify.ts')).notifyCommand,
  },
  policy: {
    summary: 'check or explain a command',
    load: async () => (await import('./policy/check-command.ts')).policyCommand,
  },
  audit: {
    summary: 'verify the audit chain, prove and export what is in it, and hold incidents',
    load: async () => (await import('./hub/commands/audit.ts')).auditCommand,
  },
  backup: {
    summary: 'copy the hub, while it runs, into a folder that restore takes back',
    load: async () => (await import('./hub/commands/backup.ts')).backupCommand,
  },
  restore: {
    summary: 'put a backup into a state folder',
    load: async () => (await import('./hub/commands/restore.ts')).restoreCommand,
  },
  doctor: {
    summary: 'look at a hub’s state, and say what to do about what is wrong',
    load: async () => (await import('./hub/commands/doctor.ts')).doctorCommand,
  },
  explain: {
    summary: 'say what an error code means, and what to do about it',
    load: async () => (await import('./broker/codes/explain-command.ts')).explainCommand,
  },
  eval: {
    summary: 'answer and score scenarios with known causes',
    load: async () => (await import('./hub/commands/eval.ts')).evalCommand,
  },
  model: {
    summary: 'list, pull, choose and verify the models that the hub may reason with',
    load: async () => (await import('./hub/commands/model.ts')).modelCommand,
  },
  replay: {
    summary: 'make a recorded decision again, and name what differs',
    load: async () => (await import('./hub/commands/replay.ts')).replayCommand,
  },
  watch: {
    summary: 'print the mesh’s messages as JSON lines',
    load: async () => (await import('./hub/commands/watch.ts')).watchCommand,
  },
  detect: {
    summary: 'run the shipping detector over CSV series',
    load: async () => (await import('./agent/detect-command.ts')).detectCommand,
  },
  scenario: {
    summary: 'make a real, bounded fault on this host',
    load: async () => (await import('./agent/scenario/command.ts')).scenarioCommand,
  },
};

// Imported, it is the list of commands: the manual is made of it.
const [, started] = process.argv;
if (started !== undefined && realpathSync(started) === fileURLToPath(import.meta.url))
  await frontDoor('sentinel', COMMANDS);
