/**
 * As much of CDDL (RFC 8610) as docs/messages.cddl uses: enough to hold a decoded message to a rule, and to change it by
 * what the rule says of its keys.
 */
export type Rule =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'literal'; readonly value: string | number }
  | { readonly kind: 'range'; readonly from: number; readonly to: number }
  | { readonly kind: 'regexp'; readonly pattern: RegExp }
  | { readonly kind: 'size'; readonly size: number }
  | { readonly kind: 'list'; readonly max: number; readonly item: Rule }
  | { readonly kind: 'map'; readonly fields: readonly Field[]; readonly rest: Rule | null }
  | { readonly kind: 'choice'; readonly of: readonly Rule[] };

export interface Field {
  readonly key: string;
  readonly isOptional: boolean;
  readonly rule: Rule;
}

const TOKEN = /\s+|;[^\n]*|("[^"]*"|\.\.|\.[a-z]+|=>|[A-Za-z_][A-Za-z0-9_]*|-?\d+|[{}[\]:,=/?*])/y;

/** Reads all rules of a grammar; throws with the place on anything else. */
export function readCddl(text: string): ReadonlyMap<string, Rule> {
  const tokens: string[] = [];
  for (TOKEN.lastIndex = 0; TOKEN.lastIndex < text.length; ) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) throw new Error(`no CDDL of ours: ${text.slice(at, at + 30)}`);
    if (match[1] !== undefined) tokens.push(match[1]);
  }
  let at = 0;
  const next = (): string => tokens[at++] ?? '';
  const take = (wanted: string): void => {
    const token = next();
    if (token !== wanted) throw new Error(`${wanted} expected at ${tokens.slice(at - 4, at + 3).join(' ')}`);
  };
  const isNext = (token: string): boolean => {
    if (tokens[at] !== token) return false;
    at++;
    return true;
  };
  const number = (): number => Number(next());
  const choice = (): Rule => {
    const of = [one()];
    while (isNext('/')) of.push(one());
    const [first] = of;
    return of.length === 1 && first !== undefined ? first : { kind: 'choice', of };
  };
  const one = (): Rule => {
    if (isNext('{')) return map();
    if (isNext('[')) return list();
    const token = next();
    if (token.startsWith('"')) return { kind: 'literal', value: token.slice(1, -1) };
    if (/^-?\d/.test(token)) {
      if (isNext('..')) return { kind: 'range', from: Number(token), to: number() };
      return { kind: 'literal', value: Number(token) };
    }
    if (isNext('.size')) return { kind: 'size', size: number() };
    if (isNext('.regexp')) return { kind: 'regexp', pattern: new RegExp(`^(?:${next().slice(1, -1)})$`) };
    return { kind: 'name', name: token };
  };
  const list = (): Rule => {
    let max = Number.POSITIVE_INFINITY;
    if (tokens[at + 1] === '*') {
      next();
      take('*');
      max = number();
    }
    // What is not counted is a tuple of named items: it is read, and holds for nothing.
    const item = tokens[at + 1] === ':' ? tuple() : choice();
    isNext(',');
    take(']');
    return { kind: 'list', max, item };
  };
  const tuple = (): Rule => {
    do {
      next();
      take(':');
      choice();
      isNext(',');
    } while (tokens[at] !== ']');
    return { kind: 'name', name: 'any' };
  };
  const map = (): Rule => {
    const fields: Field[] = [];
    let rest: Rule | null = null;
    while (!isNext('}')) {
      if (isNext('*')) {
        take('text');
        take('=>');
        rest = choice();
      } else {
        const isOptional = isNext('?');
        const key = next();
        take(':');
        fields.push({ key, isOptional, rule: choice() });
      }
      isNext(',');
    }
    return { kind: 'map', fields, rest };
  };
  const rules = new Map<string, Rule>();
  while (at < tokens.length) {
    const name = next();
    take('=');
    if (rules.has(name)) throw new Error(`${name} twice`);
    rules.set(name, choice());
  }
  return rules;
}

const BUILT_IN: Readonly<Record<string, (value: unknown) => boolean>> = {
  any: () => true,
  text: (value) => typeof value === 'string',
  bool: (value) => typeof value === 'boolean',
  bytes: (value) => value instanceof Uint8Array,
  number: (value) => typeof value === 'number',
  int: Number.isSafeInteger,
  uint: (value) => Number.isSafeInteger(value) && Number(value) >= 0,
};

/** Where and why a value is not of this rule; null when it is. A key that no rule names is an offence, too. */
export function offence(rules: ReadonlyMap<string, Rule>, rule: Rule, value: unknown, path = ''): string | null {
  const no = (what: string) => `${path || 'message'}: ${what}`;
  switch (rule.kind) {
    case 'name': {
      const known = rules.get(rule.name);
      if (known !== undefined) return offence(rules, known, value, path);
      const isOne = BUILT_IN[rule.name];
      if (isOne === undefined) return no(`no rule ${rule.name}`);
      return isOne(value) ? null : no(`no ${rule.name}`);
    }
    case 'literal':
      return value === rule.value ? null : no(`not ${rule.value}`);
    case 'range':
      return Number.isSafeInteger(value) && Number(value) >= rule.from && Number(value) <= rule.to ? null : no('range');
    case 'regexp':
      return typeof value === 'string' && rule.pattern.test(value) ? null : no(`not ${rule.pattern}`);
    case 'size':
      return value instanceof Uint8Array && value.length === rule.size ? null : no(`not ${rule.size} bytes`);
    case 'choice':
      return rule.of.some((one) => offence(rules, one, value, path) === null) ? null : no('none of the choices');
    case 'list': {
      if (!Array.isArray(value) || value.length > rule.max) return no(`no list of at most ${rule.max}`);
      for (const [i, item] of value.entries()) {
        const found = offence(rules, rule.item, item, `${path}[${i}]`);
        if (found !== null) return found;
      }
      return null;
    }
    case 'map': {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return no('no map');
      for (const { key, isOptional } of rule.fields) {
        if (!isOptional && !(key in value)) return no(`${key} is missing`);
      }
      for (const [key, item] of Object.entries(value)) {
        const field = rule.fields.find((one) => one.key === key)?.rule ?? rule.rest;
        if (field === null) return no(`${key} is not in the grammar`);
        const found = offence(rules, field, item, path === '' ? key : `${path}.${key}`);
        if (found !== null) return found;
      }
      return null;
    }
  }
}

/** Every map in this value with what the grammar says of it: the first of each list, since all are of one rule. */
export function mapsOf(
  rules: ReadonlyMap<string, Rule>,
  rule: Rule,
  value: unknown,
  path: readonly (string | number)[] = [],
): readonly { readonly path: readonly (string | number)[]; readonly fields: readonly Field[] }[] {
  if (rule.kind === 'name') {
    const known = rules.get(rule.name);
    return known === undefined ? [] : mapsOf(rules, known, value, path);
  }
  if (rule.kind === 'list') return Array.isArray(value) ? mapsOf(rules, rule.item, value[0], [...path, 0]) : [];
  if (rule.kind !== 'map' || typeof value !== 'object' || value === null) return [];
  const entries = Object.entries(value);
  const inner = entries.flatMap(([key, item]) => {
    const field = rule.fields.find((one) => one.key === key)?.rule ?? rule.rest;
    return field === null ? [] : mapsOf(rules, field, item, [...path, key]);
  });
  return [{ path, fields: rule.fields }, ...inner];
}
