/** Throws the one sentence that an operator is told. */
export const refuse = (reason: string): never => {
  throw new Error(`this awk program ${reason}`);
};

/** One word of a program. */
export interface Token {
  readonly type: 'name' | 'function' | 'number' | 'string' | 'pattern' | 'operator' | 'end';
  readonly value: string;
}

/** Each takes any number of values and only answers one. */
const FUNCTIONS: ReadonlySet<string> = new Set([
  ...['length', 'substr', 'index', 'split', 'sub', 'gsub', 'gensub', 'match', 'sprintf', 'tolower', 'toupper', 'int'],
  ...['sqrt', 'log', 'exp', 'sin', 'cos', 'atan2', 'rand', 'srand', 'strftime', 'systime', 'mktime', 'strtonum'],
]);

/** Words of the language that do more than print, or that this reader does not know the meaning of. */
const FOREIGN: ReadonlySet<string> = new Set([
  ...['system', 'getline', 'close', 'fflush', 'function', 'func', 'while', 'do', 'switch', 'case', 'default', 'return'],
  ...['nextfile', 'include', 'load', 'namespace', 'extension', 'BEGINFILE', 'ENDFILE', 'eval', 'delete'],
  ...['ENVIRON', 'PROCINFO', 'ARGV', 'ARGC', 'SYMTAB', 'FUNCTAB', 'asort', 'asorti', 'patsplit', 'typeof', 'stopme'],
  ...['break', 'continue', 'isarray', 'bindtextdomain', 'dcgettext', 'dcngettext', 'and', 'or', 'xor', 'lshift'],
]);

const KEYWORDS: ReadonlySet<string> = new Set([
  ...['BEGIN', 'END', 'print', 'printf', 'if', 'else', 'for', 'in', 'next', 'exit'],
]);

const OPERATORS = /(?:\+\+|--|\+=|-=|\*=|\/=|%=|\^=|==|<=|>=|!=|!~|&&|\|\||[-+*/%^!<>=~?:,;(){}[\]$])/y;
const NUMBER = /(?:\d{1,15}(?:\.\d{0,15})?|\.\d{1,15})(?:[eE][+-]?\d{1,3})?/y;
const STRING = /"((?:[^"\\]|\\[^\n])*)"/y;
const PATTERN = /\/((?:[^/\\]|\\[^\n])*)\//y;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;

/**
 * The words of an awk program, without any that does more than print. Where awks differ on what a slash means, it throws:
 * a call hidden in what looks like a pattern must not pass.
 */
export function awkTokens(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0] ?? null;
    if (found !== null) at += found.length;
    return found;
  };
  while (at < text.length) {
    const c = text.charAt(at);
    if (c === ' ' || c === '\t') {
      at++;
      continue;
    }
    if (c === '/' && !endsValue(tokens.at(-1))) {
      // `a++ /x/ 2` divides, though a pattern could stand there by its look.
      if (/^(?:\+\+|--)$/.test(tokens.at(-1)?.value ?? '')) refuse('has a slash that may be read in two ways');
      const value = take(PATTERN) ?? refuse('has a pattern that does not end');
      // Some awks end a pattern at a slash in brackets, others do not: where they differ, nothing is allowed.
      if (openBracket(value)) refuse('has a slash in the brackets of a pattern');
      tokens.push({ type: 'pattern', value });
      continue;
    }
    if (c === '"') {
      tokens.push({ type: 'string', value: take(STRING) ?? refuse('has a text that does not end') });
      continue;
    }
    const number = take(NUMBER);
    if (number !== null) {
      tokens.push({ type: 'number', value: number });
      continue;
    }
    const name = take(NAME);
    if (name !== null) {
      if (FOREIGN.has(name)) refuse(`uses ${name}`);
      tokens.push({ type: FUNCTIONS.has(name) ? 'function' : KEYWORDS.has(name) ? 'operator' : 'name', value: name });
      continue;
    }
    const value = take(OPERATORS) ?? refuse(`holds ${JSON.stringify(c)}`);
    tokens.push({ type: 'operator', value });
  }
  return tokens;
}

/** After a value a slash divides, else it begins a pattern. */
function endsValue(token: Token | undefined): boolean {
  if (token === undefined) return false;
  return token.type === 'operator' ? token.value === ')' || token.value === ']' || token.value === '$' : true;
}

function openBracket(pattern: string): boolean {
  return /\[/.test(pattern.replace(/\\./g, '').replace(/\[\^?\]?[^\]]*\]/g, ''));
}
