import { type Commands, frontDoor } from '../broker/front-door.ts';

/** The front door of the agent's bundle: what a watched host runs, in one file and on a bare Node. */
const COMMANDS: Commands = {
  agent: {
    summary: 'run an agent for this host',
    load: async () => (await import('./agent-command.ts')).agentCommand,
  },
  exec: {
    summary: 'carry out orders as root, for an agent that is not',
    load: async () => (await import('./exec/exec-command.ts')).execCommand,
  },
  detect: {
    summary: 'run the shipping detector over CSV series',
    load: async () => (await import('./detect-command.ts')).detectCommand,
  },
};

void frontDoor('sentinel-agent', COMMANDS);
