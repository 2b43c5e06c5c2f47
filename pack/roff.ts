/** One page of the manual, as man(7) writes it. */
export interface ManualPage {
  /** `sentinel.1`: its name and section. */
  readonly name: string;
  readonly text: string;
}

export interface Heading {
  readonly name: string;
  readonly section: 1 | 7;
  /** What it is for, in a line. */
  readonly brief: string;
  readonly version: string;
  /** Seconds since 1970: of the commit, so that two builds of it are the same bytes. */
  readonly time: number;
}

/** What groff would print as another character than the one that a person types (groff_char(7)), and what is no ASCII. */
const CHARACTERS: Readonly<Record<string, string>> = {
  '\\': '\\e',
  '-': '\\-',
  "'": '\\(aq',
  '`': '\\(ga',
  '^': '\\(ha',
  '~': '\\(ti',
  '’': '\\(cq',
  '…': '...',
};

/** Text that roff prints as it is: no escape, no request at the beginning of a line. */
export const plain = (text: string): string =>
  text.replace(/[\\\-'`^~’…]/g, (one) => CHARACTERS[one] ?? one).replace(/^(?=\.)/gm, '\\&');

/** What stands between backticks in bold. */
export const prose = (text: string): string =>
  text
    .split('`')
    .map((part, i) => (i % 2 === 0 ? plain(part) : `\\fB${plain(part)}\\fR`))
    .join('');

/** Lines as they are: usage and its columns. */
export const verbatim = (text: string): string => `.nf\n${plain(text)}\n.fi`;

export const section = (title: string, body: string): string => `.SH ${quoted(title.toUpperCase())}\n${body}`;
export const subsection = (title: string, body: string): string => `.SS ${quoted(title)}\n${body}`;
/** A term, and what it means below it. */
export const tagged = (term: string, body: string): string => `.TP\n\\fB${plain(term)}\\fR\n${body}`;

export function manualPage(heading: Heading, sections: readonly string[]): ManualPage {
  const { name, section: number, brief, version, time } = heading;
  const date = new Date(time * 1_000).toISOString().slice(0, 10);
  const title = `.TH ${quoted(name.toUpperCase())} ${number} ${quoted(date)} ${quoted(`Sentinel ${version}`)}`;
  const top = [title, section('Name', `${plain(name)} \\- ${prose(brief)}`)];
  return { name: `${name}.${number}`, text: `${[...top, ...sections].join('\n')}\n` };
}

/** An argument of a request. */
const quoted = (text: string): string => `"${plain(text).replaceAll('"', '\\(dq')}"`;
