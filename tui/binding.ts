import type { Model } from './model.ts';
import type { Place, ViewName } from './places.ts';

export type Command =
  | 'up'
  | 'down'
  | 'top'
  | 'bottom'
  | 'page-up'
  | 'page-down'
  | 'open'
  | 'back'
  | 'previous'
  | 'approve'
  | 'reject'
  | 'acknowledge'
  | 'halt'
  | 'revoke'
  | 'probe'
  | 'ask'
  | 'evidence'
  | 'order'
  | 'filter'
  | 'palette'
  | 'dismiss'
  | 'tour'
  | 'help'
  | 'quit'
  | 'stop'
  | ViewName
  /** Keys that a typed line or the dialog answers itself; here so that footer and help know of them. */
  | 'field'
  | 'consent';

/** One row of the only table of keys: handler, footer, help, palette and documents all read it. */
export interface Binding {
  readonly command: Command;
  readonly keys: readonly string[];
  /** How the keys are written for people; `keymap.ts` writes it anew where an operator chose others. */
  readonly shown: string;
  /** One word or two for the footer; empty keeps it out of the footer. */
  readonly footer: string;
  readonly help: string;
  readonly places: readonly Place[];
  /** In the palette under the command's name. */
  readonly inPalette?: true;
  /** Why it does nothing now; undefined when it does something. Disabled keys are shown, dim, and say why. */
  readonly why?: (model: Model) => string | undefined;
}
