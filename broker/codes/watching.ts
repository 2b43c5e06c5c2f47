import type { CodeSection } from './code.ts';

export const WATCHING_CODES: CodeSection = {
  title: 'Watching',
  about: 'About the files that say what an agent watches.',
  codes: {
    E_WATCH_READ: {
      what: 'A file of `watch.d`, or a gateway’s mapping, can’t be read.',
      todo: 'Make it a readable regular file; the others are in force.',
    },
    E_WATCH_SYNTAX: { what: 'Such a file is no plain YAML.', todo: 'Mend the line that the message names.' },
    E_WATCH_VERSION: { what: 'Such a file has no `version` that is known here.', todo: 'Begin it with `version: 1`.' },
    E_WATCH_FIELD: {
      what: 'A field is unknown, has another kind of value, or declares what another file declares.',
      todo: 'Mend the line; docs/watching.md has every field.',
    },
    E_WATCH_LIMIT: {
      what: 'A file is too long, or declares more than an agent watches.',
      todo: 'Remove some, or split it.',
    },
    E_DBUS: {
      what: 'systemd’s answer on its bus was cut short, or is not of its protocol.',
      todo: 'Nothing: the agent asks again. If it stays so, look whether the bus answers: `systemctl status`.',
    },
  },
};
