import type { CodeSection } from './code.ts';

export const PROOFS_CODES: CodeSection = {
  title: 'Proofs',
  about: 'About what the audit chain shows to others.',
  codes: {
    E_PROOF_CHECKPOINT: {
      what: 'There is no signed checkpoint that covers the records yet.',
      todo: 'Let the hub run for a minute, then try again.',
    },
    E_PROOF_CHAIN: {
      what: 'The chain does not verify, so nothing of it can be shown to others.',
      todo: '`sentinel audit verify` names the first record that is wrong.',
    },
    E_PROOF_FOLDER: { what: 'The folder for the bundle is there already.', todo: 'Name a new one.' },
    E_PROOF_INCIDENT: {
      what: 'The chain has no record of such an incident.',
      todo: 'Give its whole id, or see `sentinel incident list`.',
    },
    E_CHECKPOINT_FILE: {
      what: 'A file of checkpoints can’t be read, is too large, or is of another site.',
      todo: 'Name the file that the hub writes for this site.',
    },
    E_CHECKPOINT_PLACE: {
      what: 'A checkpoint could not be written to a place of `audit.yaml`. The hub goes on.',
      todo: 'Mend that place: mount it, or free space there.',
    },
  },
};
