import { decodeCbor } from '../broker/cbor.ts';
import { open, peek } from '../broker/signed.ts';
import {
  isUpgradePayload,
  type UpgradeAnswer,
  UpgradeError,
  type UpgradeReport,
  upgradeWord,
} from '../broker/upgrade-messages.ts';
import type { ExecLink } from './exec/exec-link.ts';
import type { Request } from './exec/protocol.ts';
import type { Trust } from './trust.ts';

/** Words that wait for their turn: a hub of ours says the next when it has heard of the last. */
const WAITING_MAX = 4;

export interface UpgraderParts {
  readonly agent: string;
  readonly boot: string;
  readonly trust: Trust;
  readonly live: boolean;
  /** The executor: it alone may change what is installed. Null where there is none. */
  readonly link: Pick<ExecLink, 'upgrade'> | null;
  /** The newest signed messages that an executor checks a word with. */
  readonly signed: () => Pick<Request, 'roster' | 'ack' | 'halt'>;
  readonly say: (report: UpgradeReport) => void;
}

/** Whether a message on the topic of orders is about an upgrade. Says nothing of who wrote it: `hear` checks that. */
export const isUpgradeMessage = (message: Uint8Array): boolean => isUpgradePayload(decodeCbor(peek(message)));

/**
 * Carries the hub's words about an upgrade to the executor, and its answers back. It decides nothing and keeps nothing: this
 * process may not change what it is itself.
 */
export class Upgrader {
  readonly #parts: UpgraderParts;
  #turn: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(parts: UpgraderParts) {
    this.#parts = parts;
  }

  /** Takes one message; throws SignatureError, ShapeError or UpgradeError when it is none of this hub's for this agent. */
  hear(message: Uint8Array): void {
    const { agent, trust } = this.#parts;
    const word = upgradeWord(decodeCbor(open('upgrade', message, trust.roster.hub_key)), '');
    if (word.agent !== agent) throw new UpgradeError('E_UPGRADE_AGENT', `it is for ${word.agent}`);
    if (this.#waiting >= WAITING_MAX) throw new UpgradeError('E_UPGRADE_FLOOD', 'too many words of upgrades wait');
    this.#waiting++;
    this.#turn = this.#turn.then(() => this.#carry(word.upgrade, message)).finally(() => this.#waiting--);
  }

  /** Resolves when what was begun has its answer. */
  close(): Promise<void> {
    return this.#turn;
  }

  async #carry(upgrade: string, message: Uint8Array): Promise<void> {
    const { agent, boot, link, live, signed, say } = this.#parts;
    const answer: UpgradeAnswer =
      link === null
        ? {
            state: 'refused',
            code: 'E_UPGRADE_READONLY',
            message: 'read-only here: there is no executor of root\u2019s',
          }
        : ((await link.upgrade({ upgrade: message, dry: !live, ...signed() })) ?? {
            state: 'refused',
            code: 'E_UPGRADE_EXEC',
            message: 'the executor does not answer',
          });
    say({ agent, boot, upgrade, ...answer });
  }
}
