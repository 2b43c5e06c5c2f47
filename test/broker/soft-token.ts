import { type KeyPair, newKeyPair, signBytes } from '../../broker/keys.ts';
import { skBlobOf, skBytes } from '../../broker/ssh-sk.ts';
import { bytesToSign, type Namespace, sshsigAround } from '../../broker/sshsig.ts';

export interface TokenChange {
  /** 1: touched; 4: the PIN was given besides. */
  readonly flags?: number;
  /** What the token signs for, where that is not what its key says. */
  readonly application?: string;
  /** What it says of its count, where that is not what it signed. */
  readonly saidCounter?: number;
  readonly saidFlags?: number;
}

/** An authenticator in software: signs as a security token does with an `ed25519-sk` key (held against ssh-keygen in test/system). */
export class SoftToken {
  readonly pair: KeyPair = newKeyPair();
  readonly application: string;
  counter = 0;

  constructor(application = 'ssh:') {
    this.application = application;
  }

  get key() {
    return { key: this.pair.public, sk: this.application };
  }

  /** SSH's signature blob over the bytes. */
  blob(bytes: Uint8Array, change: TokenChange = {}): Uint8Array {
    this.counter++;
    const { flags = 1, application = this.application } = change;
    const raw = signBytes(skBytes(bytes, application, { flags, counter: this.counter }), this.pair);
    const { saidFlags = flags, saidCounter = this.counter } = change;
    return new Uint8Array(skBlobOf({ raw, flags: saidFlags, counter: saidCounter }));
  }

  /** The SSHSIG blob over a message. */
  sign(message: Uint8Array, namespace: Namespace, change: TokenChange = {}): Uint8Array {
    return sshsigAround(namespace, this.key, this.blob(bytesToSign(message, namespace), change));
  }
}
