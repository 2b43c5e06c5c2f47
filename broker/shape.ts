/**
 * Bounded readers for decoded CBOR. A shape takes `unknown`, and returns a typed value or throws a ShapeError that
 * names the path: hostile input can be refused before any of it is used (invariant 13). Unknown keys are dropped, so
 * that a newer peer may say more.
 */
export class ShapeError extends Error {
  readonly code = 'E_MESSAGE_SHAPE';
  constructor(path: string, expected: string) {
    super(`${path === '' ? 'message' : path}: expected ${expected}`);
  }
}

export type Shape<T> = (value: unknown, path: string) => T;
export type Infer<S> = S extends Shape<infer T> ? T : never;

/** Text of at most `max` UTF-16 units. */
export const text =
  (max: number): Shape<string> =>
  (value, path) => {
    if (typeof value !== 'string' || value.length > max) throw new ShapeError(path, `text of at most ${max}`);
    return value;
  };

/** Text that matches a pattern; `what` names it in the error. */
export const pattern =
  (regexp: RegExp, what: string): Shape<string> =>
  (value, path) => {
    if (typeof value !== 'string' || !regexp.test(value)) throw new ShapeError(path, what);
    return value;
  };

/** A safe integer within [min, max]. */
export const int =
  (min = 0, max = Number.MAX_SAFE_INTEGER): Shape<number> =>
  (value, path) => {
    const n = typeof value === 'bigint' ? Number(value) : value;
    if (typeof n !== 'number' || !Number.isSafeInteger(n) || n < min || n > max) {
      throw new ShapeError(path, `integer in ${min}..${max}`);
    }
    return n;
  };

/** A finite number. */
export const real: Shape<number> = (value, path) => {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new ShapeError(path, 'finite number');
  return value;
};

export const bool: Shape<boolean> = (value, path) => {
  if (typeof value !== 'boolean') throw new ShapeError(path, 'true or false');
  return value;
};

/** Bytes of at most `max`, or of exactly `max` when `exact`. */
export const bytes =
  (max: number, exact = false): Shape<Uint8Array> =>
  (value, path) => {
    if (!(value instanceof Uint8Array) || value.length > max || (exact && value.length !== max)) {
      throw new ShapeError(path, `${exact ? '' : 'at most '}${max} bytes`);
    }
    return value;
  };

export const oneOf =
  <const T extends string>(...values: readonly T[]): Shape<T> =>
  (value, path) => {
    const found = values.find((v) => v === value);
    if (found === undefined) throw new ShapeError(path, values.join(' | '));
    return found;
  };

export const list =
  <T>(item: Shape<T>, max: number): Shape<readonly T[]> =>
  (value, path) => {
    if (!Array.isArray(value) || value.length > max) throw new ShapeError(path, `list of at most ${max}`);
    return value.map((v, i) => item(v, `${path}[${i}]`));
  };

/** String keys to values, at most `max` of them. */
export const dictionary =
  <T>(item: Shape<T>, max: number): Shape<Readonly<Record<string, T>>> =>
  (value, path) => {
    const entries = Object.entries(asObject(value, path));
    if (entries.length > max) throw new ShapeError(path, `at most ${max} entries`);
    return Object.fromEntries(entries.map(([k, v]) => [text(128)(k, `${path} key`), item(v, `${path}.${k}`)]));
  };

export const nullable =
  <T>(item: Shape<T>): Shape<T | null> =>
  (value, path) =>
    value === null ? null : item(value, path);

/** Marks a field of a record that may be absent. */
export interface Optional<T> {
  readonly optional: Shape<T>;
}
export const maybe = <T>(item: Shape<T>): Optional<T> => ({ optional: item });

type Fields = Readonly<Record<string, Shape<unknown> | Optional<unknown>>>;
type Simplify<T> = { [K in keyof T]: T[K] };
type RecordOf<F extends Fields> = Simplify<
  { readonly [K in keyof F as F[K] extends Optional<unknown> ? never : K]: F[K] extends Shape<infer T> ? T : never } & {
    readonly [K in keyof F as F[K] extends Optional<unknown> ? K : never]?: F[K] extends Optional<infer T> ? T : never;
  }
>;

/** A map with exactly these keys read from it. */
export const record =
  <const F extends Fields>(fields: F): Shape<RecordOf<F>> =>
  (value, path) => {
    const source = asObject(value, path);
    const out: Record<string, unknown> = {};
    for (const [key, field] of Object.entries(fields)) {
      const here = path === '' ? key : `${path}.${key}`;
      if (typeof field === 'function') out[key] = field(source[key], here);
      else if (source[key] !== undefined) out[key] = field.optional(source[key], here);
    }
    return out as RecordOf<F>;
  };

function asObject(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
    throw new ShapeError(path, 'map');
  }
  return value as Readonly<Record<string, unknown>>;
}
