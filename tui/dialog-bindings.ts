import type { Binding } from './binding.ts';
import type { Place } from './places.ts';

const DIALOGS: readonly Place[] = ['consent', 'approval'];

/** The keys of the dialog. It answers them itself; here they are for footer and help. */
export const DIALOG_BINDINGS: readonly Binding[] = [
  {
    command: 'consent',
    keys: ['enter', 'escape'],
    shown: 'enter esc',
    footer: 'deny',
    help: 'deny: nothing is signed (Deny has the focus)',
    places: DIALOGS,
  },
  {
    command: 'consent',
    keys: ['j', 'k', 'down', 'up', 'page-down', 'page-up'],
    shown: 'j k',
    footer: 'read',
    help: 'read on; a plan is only approved once its last row was shown',
    places: DIALOGS,
  },
  {
    command: 'consent',
    keys: ['y'],
    shown: 'y',
    footer: '',
    help: 'approve the steps before the first one that needs review; in the other dialogs, reject, halt or revoke',
    places: DIALOGS,
  },
  {
    command: 'consent',
    keys: ['1', '2', '3', '4', '5', '6', '7', '8', '9'],
    shown: '1-9',
    footer: '',
    help: 'include, or leave out again, the review step with this number',
    places: ['approval'],
  },
  {
    command: 'consent',
    keys: ['Y'],
    shown: 'Y',
    footer: '',
    help: 'approve with the steps that you included',
    places: ['approval'],
  },
  {
    command: 'consent',
    keys: ['m'],
    shown: 'm',
    footer: 'remember',
    help: 'remember: the same commands may run again with nobody there, until a day (an admin signs the rule that is shown)',
    places: ['approval'],
    why: ({ ui }) => (ui.consent === null || ui.consent.notLater === '' ? undefined : ui.consent.notLater),
  },
  {
    command: 'consent',
    keys: ['+', '-', 'g'],
    shown: '+ - g',
    footer: '',
    help: 'remember it for more or fewer days; for the other hosts of its group too',
    places: ['approval'],
  },
];
