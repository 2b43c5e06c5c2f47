import type { CodeSection } from './code.ts';

export const STATE_CODES: CodeSection = {
  title: 'State folder and store',
  about: 'Where a hub or an agent keeps what it knows.',
  codes: {
    E_STATE_READONLY: {
      what: 'The state folder, or a file in it, can’t be written.',
      todo: 'Give it to the user who runs this, mount it for writing, or name another with `--state DIR`.',
    },
    E_STATE_BROKEN: {
      what: 'A file in the state folder can’t be read, or two do not belong together. The message names it.',
      todo: 'Do what the message says: most of these come back from a backup.',
    },
    E_RUNNING: {
      what: 'Another process has claimed this state folder.',
      todo: 'Stop that one, or name another folder with `--state DIR`.',
    },
    E_NO_SITE: {
      what: 'There is no site in this state folder, or this host belongs to it under another name.',
      todo: 'Name the right folder with `--state DIR`; on a new hub run `sentinel init`, on another host `sentinel agent --join TOKEN`.',
    },
    E_SITE_EXISTS: { what: '`sentinel init` would overwrite a site.', todo: 'Name another folder with `--state DIR`.' },
    E_STORE_OPEN: {
      what: 'The store can’t be opened. The message has the reason of the operating system.',
      todo: 'Look at the folder’s owner and mode, and whether it is on a disk that can be mapped into memory.',
    },
    E_STORE_WRITE: {
      what: 'A transaction did not reach the disk; nothing of it was acknowledged, and agents will send it again.',
      todo: 'Free disk space. If it goes on, start the hub again.',
    },
    E_STORE_DAMAGED: {
      what: 'The store’s file is cut or garbled.',
      todo: 'Keep it as evidence and restore a backup: docs/operations.md, "Back from a damaged store".',
    },
    E_STORE_NEWER: {
      what: 'The store was written by a newer version than this one.',
      todo: 'Install that version again, or restore a backup from before the upgrade.',
    },
    E_STORE_BUDGET: {
      what: 'The store holds more than its budget, and what is left in it may not go: open incidents and holds.',
      todo: 'Close what is open, release holds, or raise `--keep-mib`: docs/retention.md.',
    },
    E_BACKUP_FOLDER: {
      what: 'The folder for the backup is not there, or lies inside the state folder.',
      todo: 'Make it, or mount what it should be on, outside the state folder.',
    },
    E_BACKUP_EXISTS: { what: 'A backup of this second is there already.', todo: 'Run the same again.' },
    E_BACKUP_LINK: {
      what: 'A file of the state folder is a link, and what it leads to would be missing from the copy.',
      todo: 'Put the file itself in its place, or take the link away.',
    },
    E_BACKUP_TOO_LARGE: {
      what: 'Keys, rules and settings are more than a backup seals. The message names the limit.',
      todo: 'Take what is no setting out of the state folder.',
    },
    E_BACKUP_BROKEN: {
      what: 'A backup is not what its hub signed, or changed while it was made.',
      todo: 'Take another copy; the message names the file that differs.',
    },
    E_BACKUP_PASSPHRASE: {
      what: 'The passphrase is not the one that the backup was made with.',
      todo: 'Try the right one; without it the keys in it are lost.',
    },
    E_BACKUP_OTHER_SITE: {
      what: 'The backup is of another site than the one in this state folder.',
      todo: 'Name another folder with `--state DIR`, or take a backup of this site.',
    },
    E_BACKUP_STORE_THERE: {
      what: 'There is a store where the backup would go.',
      todo: 'Say `--replace`: what is there is moved aside, and stays.',
    },
  },
};
