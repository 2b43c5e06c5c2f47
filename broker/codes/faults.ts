import type { CodeSection } from './code.ts';

export const FAULTS_CODES: CodeSection = {
  title: 'Faults on purpose',
  about: 'What `sentinel scenario` says.',
  codes: {
    E_SCENARIO_UNKNOWN: { what: 'There is no fault of that name.', todo: 'See `sentinel scenario list`.' },
    E_SCENARIO_STATE: {
      what: 'There is no state folder of an agent that would see the fault.',
      todo: 'Start `sentinel up` or an agent first, or name its folder with `--state DIR`.',
    },
    E_SCENARIO_RUNNING: { what: 'This fault runs already.', todo: 'Wait for its end, or end that process.' },
    E_SCENARIO_ROOM: {
      what: 'There is not enough memory or disk to do it without harm.',
      todo: 'Choose a smaller fault.',
    },
    E_SCENARIO_RIGHTS: {
      what: 'This fault needs root, or a systemd that runs.',
      todo: 'Run it as root, or choose another.',
    },
    E_SCENARIO_START: {
      what: 'The fault could not be started. The message says why.',
      todo: 'Do what the message says; what it had made is taken away again.',
    },
  },
};
