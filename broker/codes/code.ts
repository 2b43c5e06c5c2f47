/** What a code means: what happened, and the way out. Both are whole sentences; backticks mark what is typed or read. */
export interface CodeEntry {
  readonly what: string;
  readonly todo: string;
}

/** Codes of one part of the product, in the order in which a person would meet them. */
export interface CodeSection {
  readonly title: string;
  readonly about: string;
  readonly codes: Readonly<Record<`E_${string}`, CodeEntry>>;
}
