import type { Random } from './random.ts';

/** Which part of the corpus an incident belongs to: nothing of `held` is ever learned from. */
export type Split = 'train' | 'held';

/** Names of the two parts share no syllable, so that no name of one occurs in the other. */
export const SYLLABLES: Readonly<Record<Split, readonly string[]>> = {
  train:
    'ba be bo da de do fa ga go ka ke ki la le lo ma me mo na ne no pa pe po ra re ro sa se so ta te to va vi vo za zo lix mar tor vex nol dra kel pim sur'.split(
      ' ',
    ),
  held: 'qu wy xen jor hul bri cli fyn gly thu wem jax hyb dwe snu yor uld ick oph wurt skry blun'.split(' '),
};

/** Real names are made of anything: half of the names that are learned from have letters in any order. */
const ANY_LETTERS = 0.5;
const ONSETS =
  'b c d f g h j k l m n p q r s t v w x y z br cr dr fl fr gr kr pl pr st sh ch tr sl sp sc th ph wh'.split(' ');
const CORES = 'a e i o u y a e i o u ea ai oo ou ie'.split(' ');
const CODAS = ['', '', '', '', 'n', 'r', 's', 't', 'l', 'x', 'k', 'm', 'd', 'p', 'ck', 'ng', 'st', '7', '2'] as const;

const ENDINGS = ['', '', '-api', '-worker', '-agent', '-proxy', '-sync', 'd', '-queue', '-batch', '_exporter'] as const;
const PLACES = ['line', 'plant', 'pump', 'berth', 'ward', 'bay', 'cell', 'feeder', 'gate', 'deck'] as const;
const TREES = ['srv', 'data', 'opt', 'mnt', 'export', 'backup'] as const;

/** The names of one incident's world. */
export class NameMaker {
  readonly #random: Random;
  readonly #split: Split;

  constructor(random: Random, split: Split) {
    this.#random = random;
    this.#split = split;
  }

  word(): string {
    if (this.#split === 'train' && this.#random.chance(ANY_LETTERS)) return this.#anyWord();
    return this.#ofSyllables();
  }

  /** Of any letters but the syllables that are held out. */
  #anyWord(): string {
    for (let tries = 0; tries < 8; tries++) {
      const word = Array.from({ length: this.#random.int(1, 3) }, () => this.#syllable()).join('');
      if (word.length > 3 && !SYLLABLES.held.some((syllable) => word.includes(syllable))) return word;
    }
    return this.#ofSyllables();
  }

  #syllable(): string {
    return this.#random.pick(ONSETS) + this.#random.pick(CORES) + this.#random.pick(CODAS);
  }

  #ofSyllables(): string {
    const syllables = SYLLABLES[this.#split];
    return Array.from({ length: this.#random.int(2, 3) }, () => this.#random.pick(syllables)).join('');
  }

  /** A program, at most 15 characters as the kernel keeps them. */
  program(): string {
    return `${this.word()}${this.#random.pick(ENDINGS)}`.slice(0, 15).replace(/[-_]$/, '');
  }

  host(): string {
    return `${this.#random.pick(PLACES)}-${this.word()}-${this.#random.int(1, 40)}`;
  }

  folder(): string {
    return `/${this.#random.pick(TREES)}/${this.word()}`;
  }

  pid(): number {
    return this.#random.int(300, 65_000);
  }

  address(): string {
    return `10.${this.#random.int(0, 255)}.${this.#random.int(0, 255)}.${this.#random.int(1, 254)}`;
  }
}
