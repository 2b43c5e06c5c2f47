import type { CodeSection } from './code.ts';

export const COMMANDS_CODES: CodeSection = {
  title: 'The command line',
  about: 'What a command says before it does anything.',
  codes: {
    E_USAGE: {
      what: 'The command does not exist in this form, or a value is not what it takes.',
      todo: 'Read the usage that follows the message, or `sentinel COMMAND --help`.',
    },
    E_INTERNAL: {
      what: 'Something failed that has no code of its own: a mistake in this program.',
      todo: 'Note the message and the lines of the log around it, and report them.',
    },
    E_CONFIG: {
      what: 'A settings file of the state folder does not say what it may say. The message names the file and the field.',
      todo: 'Mend that field; `sentinel doctor` reads all of them as a starting hub does.',
    },
    E_MATCH: {
      what: 'An expression of a silence, a hold or a rule can’t be read. The message names the term.',
      todo: 'Write terms such as `host=web-*` or `severity>=warning`; `sentinel silence --help` lists them.',
    },
    E_INVENTORY: {
      what: 'The file behind `--inventory` can’t be read, or holds other fields than an inventory.',
      todo: 'Give JSON with the lists that `sentinel policy --help` names.',
    },
    E_CSV_READ: {
      what: 'A series for `sentinel detect` can’t be read.',
      todo: 'Name a file that you may read, or `-` for standard input.',
    },
    E_CSV_ROW: {
      what: 'A row has not two fields.',
      todo: 'Write `timestamp,value` in every row; the other rows were judged.',
    },
    E_CSV_TIME: {
      what: 'A row’s first field is no time.',
      todo: 'Write ISO 8601, or seconds or milliseconds since 1970.',
    },
    E_CSV_VALUE: {
      what: 'A row’s second field is no number.',
      todo: 'Write a number, or nothing where there is a gap.',
    },
    E_CSV_LINE: { what: 'A line is longer than a row can be.', todo: 'Look whether the file is CSV at all.' },
    E_CHILD_START: {
      what: '`sentinel up` could not start its hub or its agent. The message has what that process said last.',
      todo: 'Do what that message asks; `sentinel up --headless` shows both logs.',
    },
    E_NOTIFY: {
      what: 'From `sentinel notify test`: a channel did not take the message. In the hub’s log: systemd could not be told how the hub is.',
      todo: 'For a channel, look at its address and secret in `notify.yaml`. For systemd, start the hub by its unit, with `NotifyAccess=all`.',
    },
    E_WATCHDOG: {
      what: 'The hub found itself not well, and stopped telling systemd that it is.',
      todo: 'Nothing: systemd starts it again. If it happens again, look for `E_STORE_WRITE` and `E_MESH_RESTART` above it in the log.',
    },
  },
};
