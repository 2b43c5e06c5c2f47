/**
 * A forgiving reader of shell text, for one purpose: to see destruction in what the strict subset refuses. It never
 * makes anything allowed, so it may understand too much; it must only be quick, and not be fooled by spelling.
 */
export interface LooseCommand {
  readonly words: readonly string[];
  /** Files that a redirect writes. */
  readonly writes: readonly string[];
  /** What here-documents put on its input; their lines are read as commands too. */
  readonly here: string;
  /** The operator before it: `|` makes it read the command before. */
  readonly piped: boolean;
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  e: '\x1b',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
  '0': '\0',
};

/**
 * Splits text into commands at every operator, group, substitution and line; linear in its length. Reading stops
 * after `limit` commands.
 */
export function looseCommands(text: string, limit: number): LooseCommand[] {
  return new LooseReader(text).read(limit);
}

/** Words that one pair of braces may stand for, and here-documents of one text: more is nobody's command. */
const BRACES = 64;
const HERES = 8;

class LooseReader {
  readonly #text: string;
  readonly #commands: LooseCommand[] = [];
  #words: string[] = [];
  #writes: string[] = [];
  /** Files that a redirect reads: they are told after the words, since they may stand before the command's name. */
  #reads: string[] = [];
  #here = '';
  #heres = 0;
  #word = '';
  #inWord = false;
  #target: 'word' | 'write' | 'read' = 'word';
  #piped = false;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(limit: number): LooseCommand[] {
    while (this.#at < this.#text.length && this.#commands.length < limit) this.#step(this.#text.charAt(this.#at));
    this.#endCommand(false);
    return this.#commands;
  }

  #step(c: string): void {
    if (c === "'") this.#single();
    else if (c === '"') this.#double();
    else if (c === '\\') this.#escape();
    else if (c === '$' && this.#text.charAt(this.#at + 1) === "'") this.#ansi();
    else if (c === '$' && this.#text.charAt(this.#at + 1) === '"') this.#at++;
    else if (c === '$' && this.#text.charAt(this.#at + 1) === '(') this.#operator(2, false);
    else if (c === '$' && /^\$(?:\{IFS|IFS(?![A-Za-z0-9_]))/.test(this.#text.slice(this.#at, this.#at + 6)))
      this.#ifs();
    else if (c === '<' || c === '>') this.#redirect(c);
    else if (';&|()`\n'.includes(c)) this.#operator(1, c === '|');
    else if (/\s/.test(c)) {
      this.#endWord();
      this.#at++;
    } else if (c === '#' && !this.#inWord) {
      const line = this.#text.indexOf('\n', this.#at);
      this.#at = line < 0 ? this.#text.length : line;
    } else this.#add(c);
  }

  #add(c: string): void {
    this.#word += c;
    this.#inWord = true;
    this.#at++;
  }

  #single(): void {
    const close = this.#text.indexOf("'", this.#at + 1);
    const end = close < 0 ? this.#text.length : close;
    this.#word += this.#text.slice(this.#at + 1, end);
    this.#inWord = true;
    this.#at = end + 1;
  }

  #double(): void {
    this.#inWord = true;
    this.#at++;
    while (this.#at < this.#text.length) {
      const c = this.#text.charAt(this.#at);
      if (c === '"') break;
      if (c === '\\' && '"\\$`\n'.includes(this.#text.charAt(this.#at + 1))) {
        this.#at++;
        if (this.#text.charAt(this.#at) !== '\n') this.#word += this.#text.charAt(this.#at);
        this.#at++;
      } else this.#add(c);
    }
    this.#at++;
  }

  #escape(): void {
    const next = this.#text.charAt(this.#at + 1);
    this.#at += 2;
    if (next === '\n') return;
    this.#word += next;
    this.#inWord = true;
  }

  #ansi(): void {
    this.#at += 2;
    this.#inWord = true;
    while (this.#at < this.#text.length && this.#text.charAt(this.#at) !== "'") {
      if (this.#text.charAt(this.#at) !== '\\') {
        this.#add(this.#text.charAt(this.#at));
        continue;
      }
      const coded = /^\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|([0-7]{1,3})|([\s\S]))/.exec(
        this.#text.slice(this.#at, this.#at + 8),
      );
      const [whole, hex, unicode, octal, other] = coded ?? ['\\'];
      const code = hex ?? unicode;
      if (code !== undefined) this.#word += String.fromCharCode(Number.parseInt(code, 16));
      else if (octal !== undefined) this.#word += String.fromCharCode(Number.parseInt(octal, 8) & 255);
      else this.#word += ESCAPES[other ?? ''] ?? other ?? '';
      this.#at += whole.length;
    }
    this.#at++;
  }

  #ifs(): void {
    this.#endWord();
    const braced = this.#text.charAt(this.#at + 1) === '{';
    const close = this.#text.indexOf('}', this.#at);
    if (!braced) this.#at += 4;
    else this.#at = close < 0 ? this.#text.length : close + 1;
  }

  #redirect(c: string): void {
    if (/^\d{0,9}$/.test(this.#word)) {
      this.#word = '';
      this.#inWord = false;
    }
    this.#endWord();
    let writes = c === '>';
    const start = this.#at;
    while ('<>&|-'.includes(this.#text.charAt(this.#at)) && this.#at < this.#text.length) {
      writes ||= this.#text.charAt(this.#at) === '>';
      this.#at++;
    }
    const operator = this.#at;
    if (this.#text.charAt(this.#at) === '(') return;
    while (' \t'.includes(this.#text.charAt(this.#at)) && this.#at < this.#text.length) this.#at++;
    const spelled = this.#text.slice(start, operator);
    if (writes) this.#target = 'write';
    else if (spelled === '<') this.#target = 'read';
    else if (spelled === '<<' || spelled === '<<-') this.#document();
  }

  /** `<<EOF`: what stands between the end of this line and the line that is its word. */
  #document(): void {
    const word = this.#text.slice(this.#at, this.#at + 64).replace(/[\s;|&<>()][\s\S]*$/, '');
    const line = this.#text.indexOf('\n', this.#at);
    this.#at += word.length;
    if (line < 0 || ++this.#heres > HERES) return;
    const ending = word.replace(/['"\\]/g, '');
    const lines = this.#text.slice(line + 1).split('\n');
    const end = lines.findIndex((one) => one.replace(/^\t+/, '') === ending);
    this.#here += `${lines.slice(0, end < 0 ? lines.length : end).join('\n')}\n`;
  }

  #operator(length: number, piped: boolean): void {
    const doubled = piped && this.#text.charAt(this.#at + 1) === '|';
    this.#endCommand(piped && !doubled);
    this.#at += doubled ? 2 : length;
  }

  #endWord(): void {
    if (this.#inWord) {
      if (this.#target === 'write') this.#writes.push(this.#word);
      else if (this.#target === 'read') this.#reads.push(this.#word);
      else this.#words.push(this.#word);
      this.#target = 'word';
    }
    this.#word = '';
    this.#inWord = false;
  }

  #endCommand(pipeNext: boolean): void {
    this.#endWord();
    this.#target = 'word';
    // `{rm,-rf,/}` is three words.
    const braces = /^\{([^{}]*,[^{}]*)\}$/.exec(this.#words[0] ?? '')?.[1];
    if (braces !== undefined) this.#words.splice(0, 1, ...braces.split(',').slice(0, BRACES));
    this.#words.push(...this.#reads);
    if (this.#words.length > 0 || this.#writes.length > 0) {
      this.#commands.push({ words: this.#words, writes: this.#writes, here: this.#here, piped: this.#piped });
      this.#here = '';
      this.#piped = pipeNext;
    } else if (pipeNext) this.#piped = true;
    this.#words = [];
    this.#writes = [];
    this.#reads = [];
  }
}
