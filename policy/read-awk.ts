import { awkTokens, refuse, type Token } from './awk-tokens.ts';
import type { Problem } from './languages.ts';
import { messageOf } from './policy-error.ts';

/**
 * Reads an awk program and says why it may do more than print. What is understood: patterns, ranges, BEGIN and END,
 * print and printf, comparisons, arithmetic, arrays, if/else, for, and functions without side effects. What would run a
 * command or write a file (`system`, `getline`, a pipe, a redirect, `@load`) has no place in this grammar at all.
 */
export function awkProblem(text: string): Problem | null {
  try {
    new Grammar(awkTokens(text)).program();
    return null;
  } catch (error) {
    // A mistake of this reader's own is a refusal as well: it never makes anything pass.
    return { reason: messageOf(error), changes: true };
  }
}

const DEPTH = 24;

class Grammar {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  program(): void {
    if (this.#tokens.length === 0) refuse('is empty');
    while (!this.#done) {
      if (this.#accept(';')) continue;
      const special = this.#accept('BEGIN') || this.#accept('END');
      if (!special && !this.#is('{')) {
        this.#expression(true);
        if (this.#accept(',')) this.#expression(true);
      }
      if (this.#is('{')) this.#block();
      else if (special) refuse('has BEGIN or END without an action');
      else if (!this.#done && !this.#is(';')) refuse('is not understood');
    }
  }

  get #now(): Token {
    return this.#tokens[this.#at] ?? { type: 'end', value: '' };
  }

  get #done(): boolean {
    return this.#at >= this.#tokens.length;
  }

  #is(value: string): boolean {
    return this.#now.type === 'operator' && this.#now.value === value;
  }

  #accept(value: string): boolean {
    if (!this.#is(value)) return false;
    this.#at++;
    return true;
  }

  #expect(value: string): void {
    if (!this.#accept(value)) refuse(`lacks ${value}`);
  }

  #block(): void {
    this.#expect('{');
    while (!this.#accept('}')) {
      if (this.#done) refuse('has a block that does not end');
      this.#statement();
    }
  }

  #statement(): void {
    if (++this.#depth > DEPTH) refuse('is nested too deep');
    if (this.#is('{')) this.#block();
    else if (this.#accept('if')) this.#if();
    else if (this.#accept('for')) this.#for();
    else if (!this.#accept(';')) {
      this.#simple();
      if (!this.#is('}')) this.#expect(';');
    }
    this.#depth--;
  }

  #if(): void {
    this.#expect('(');
    this.#expression(true);
    this.#expect(')');
    this.#statement();
    while (this.#accept(';'));
    if (this.#accept('else')) this.#statement();
  }

  /** Over an array or with a condition: a loop without one would not end. */
  #for(): void {
    this.#expect('(');
    const [name, keyword] = [this.#now, this.#tokens[this.#at + 1]];
    if (name.type === 'name' && keyword?.value === 'in' && this.#tokens[this.#at + 3]?.value === ')') {
      this.#at += 2;
      if (this.#now.type !== 'name') refuse('loops over what is no array');
      this.#at++;
    } else {
      this.#expression(true);
      this.#expect(';');
      this.#expression(true);
      this.#expect(';');
      this.#expression(true);
    }
    this.#expect(')');
    this.#statement();
  }

  #simple(): void {
    if (this.#accept('next')) return;
    if (this.#accept('exit')) {
      if (!this.#is(';') && !this.#is('}')) this.#expression(true);
      return;
    }
    if (this.#accept('print') || this.#accept('printf')) {
      if (this.#is(';') || this.#is('}')) return;
      this.#expression(false);
      while (this.#accept(',')) this.#expression(false);
      // What is left here would be a redirect or a pipe.
      if (!this.#is(';') && !this.#is('}')) refuse('prints to somewhere else');
      return;
    }
    this.#expression(true);
  }

  /** `greater`: whether `>` compares here; after `print` it would write a file. */
  #expression(greater: boolean): void {
    if (++this.#depth > DEPTH) refuse('is nested too deep');
    this.#operand(greater);
    for (;;) {
      const { type, value } = this.#now;
      if (type === 'operator' && value === '?') {
        this.#at++;
        this.#expression(greater);
        this.#expect(':');
        this.#expression(greater);
      } else if (type === 'operator' && BINARY.has(value) && (greater || value !== '>')) {
        this.#at++;
        if (value === 'in' && this.#now.type !== 'name') refuse('looks into what is no array');
        this.#operand(greater);
      } else if (this.#startsValue()) this.#operand(greater);
      else break;
    }
    this.#depth--;
  }

  #startsValue(): boolean {
    const { type, value } = this.#now;
    return type === 'operator' ? ['(', '$'].includes(value) : type !== 'end' && type !== 'pattern';
  }

  #operand(greater: boolean): void {
    while (['!', '-', '+', '++', '--'].some((sign) => this.#accept(sign)));
    const token = this.#now;
    this.#at++;
    switch (token.type) {
      case 'number':
      case 'string':
      case 'pattern':
        return;
      case 'function':
        if (this.#accept('(')) this.#list();
        else if (token.value !== 'length') refuse(`uses ${token.value} without its arguments`);
        return;
      case 'name':
        if (this.#is('(')) refuse(`calls ${token.value}`);
        if (this.#accept('[')) this.#list(']');
        this.#after(greater);
        return;
      case 'operator':
        if (token.value === '(') {
          this.#list();
          return;
        }
        if (token.value === '$') {
          this.#field();
          this.#after(greater);
          return;
        }
    }
    refuse('is not understood');
  }

  #field(): void {
    const { type, value } = this.#now;
    this.#at++;
    if (type === 'number' && /^\d{1,4}$/.test(value)) return;
    if (type === 'name') return;
    if (type === 'operator' && value === '(') this.#list();
    else refuse('names a field that is not understood');
  }

  /** What may stand after something that can be assigned to. */
  #after(greater: boolean): void {
    if (this.#accept('++') || this.#accept('--')) return;
    if (this.#now.type !== 'operator' || !ASSIGN.has(this.#now.value)) return;
    this.#at++;
    this.#expression(greater);
  }

  #list(close = ')'): void {
    if (this.#accept(close)) return;
    do this.#expression(true);
    while (this.#accept(','));
    this.#expect(close);
  }
}

const ASSIGN: ReadonlySet<string> = new Set(['=', '+=', '-=', '*=', '/=', '%=', '^=']);
const BINARY: ReadonlySet<string> = new Set([
  ...['+', '-', '*', '/', '%', '^', '==', '!=', '<', '<=', '>', '>=', '~', '!~', '&&', '||', 'in'],
]);
