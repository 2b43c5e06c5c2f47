import type { CodeSection } from './code.ts';

export const PROBES_CODES: CodeSection = {
  title: 'Questions to a host',
  about: 'What `sentinel incident probe` and the key `p` may say instead of an answer.',
  codes: {
    E_PROBE: {
      what: 'The host answered with a failure that has no code of its own.',
      todo: 'Look at the agent’s log.',
    },
    E_PROBE_UNKNOWN: {
      what: 'There is no such question, or this agent does not know it.',
      todo: 'See `sentinel incident probe`; upgrade an older agent.',
    },
    E_PROBE_NAME: {
      what: 'The question is about a name that is not in the incident’s evidence, or not on that host.',
      todo: 'Ask about what the evidence names.',
    },
    E_PROBE_OFFLINE: { what: 'The host is not connected.', todo: 'Ask again when it is back.' },
    E_PROBE_BUSY: {
      what: 'As many questions as a host answers at once are under way, or were put within a minute.',
      todo: 'Wait a minute.',
    },
    E_PROBE_MANY: {
      what: 'This incident has as many answers as it keeps.',
      todo: 'Read those: `sentinel incident show ID`.',
    },
    E_PROBE_SILENT: { what: 'No answer came in time.', todo: 'Look at the host and its link, and ask again.' },
    E_PROBE_AGENT: { what: 'A question, or an answer, is of another agent.', todo: 'As for `E_ORDER_AGENT`.' },
    E_PROBE_SITE: {
      what: 'The question is of another site.',
      todo: 'Look which site the hub and the agent belong to.',
    },
    E_PROBE_EPOCH: { what: 'The question is of an epoch that is over.', todo: 'Ask by the hub that is in force.' },
    E_PROBE_BOOT: { what: 'The question is for an earlier start of that agent.', todo: 'Ask again.' },
    E_PROBE_EXPIRED: {
      what: 'The question was under way for too long, or is good for too long.',
      todo: 'Ask again; look at both clocks.',
    },
    E_PROBE_REPLAYED: {
      what: 'The question was asked before: an old one was played again.',
      todo: 'Nothing: it was ignored.',
    },
    E_PROBE_FLOOD: { what: 'More questions came than an agent answers.', todo: 'Wait a minute.' },
    E_PROBE_TIMEOUT: {
      what: 'The host did not find the answer in its time.',
      todo: 'Ask for less, or when the host is less busy.',
    },
    E_PROBE_ABSENT: {
      what: 'What was asked for is not there: no such log, no systemd, no such process.',
      todo: 'Ask another question.',
    },
    E_PROBE_CLOSED: { what: 'The agent may not see it.', todo: 'Run the agent as a user who may, or look yourself.' },
    E_PROBE_FAILED: {
      what: 'The command or the call behind the question failed. The message says how.',
      todo: 'Look at the host.',
    },
  },
};
