import type { Problem } from './languages.ts';

/**
 * Reads one SQL statement and says why it may do more than read. Only SELECT, SHOW, DESCRIBE and EXPLAIN without
 * ANALYZE are understood, and only functions from a list: in SQL anything that can be called can also act.
 */
export function sqlProblem(text: string): Problem | null {
  const tokens = tokenize(text.replace(/(?:;|\\G|\s)*$/, ''));
  if (typeof tokens === 'string') return problem(tokens);
  return statement(tokens);
}

/** As `sqlProblem`, with the commands of psql that only list: `\l`, `\dt`, `\d NAME`. */
export function psqlProblem(text: string): Problem | null {
  if (/^\\(?:l|conninfo|encoding|timing|d[tivmsnuxgp]?[S+]{0,2})(?:[ \t]+[A-Za-z0-9_.*]{1,64})?$/.test(text.trim())) {
    return null;
  }
  return sqlProblem(text);
}

const problem = (reason: string): Problem => ({ reason: `this SQL ${reason}`, changes: true });

interface Token {
  readonly type: 'word' | 'quoted' | 'value' | 'mark';
  readonly value: string;
}

const TOKEN = new RegExp(
  [
    String.raw`(\s+)`,
    '([A-Za-z_][A-Za-z0-9_]*)',
    String.raw`("(?:[^"\\]|"")*"|${'`'}[^${'`'}\\]*${'`'})`,
    String.raw`(\d{1,18}(?:\.\d{0,18})?|'(?:[^'\\]|'')*')`,
    String.raw`(::|<>|<=|>=|!=|\|\||->>?|!?~\*?|[-+*/%=<>(),.[\]])`,
  ].join('|'),
  'y',
);

function tokenize(text: string): Token[] | string {
  if (/--|\/\*/.test(text)) return 'holds a comment';
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text);
    if (found === null) {
      return text.charAt(at) === ';' ? 'is more than one statement' : `holds ${JSON.stringify(text.charAt(at))}`;
    }
    at += found[0].length;
    const [, , word, quoted, value, mark] = found;
    if (word !== undefined) tokens.push({ type: 'word', value: word.toLowerCase() });
    else if (quoted !== undefined) tokens.push({ type: 'quoted', value: quoted.slice(1, -1).toLowerCase() });
    else if (value !== undefined) tokens.push({ type: 'value', value });
    else if (mark !== undefined) tokens.push({ type: 'mark', value: mark });
  }
  return tokens;
}

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/** The first word of a statement that reads. `WITH` may hold a statement that writes; FOREIGN finds it. */
const OPENERS = words('select show explain describe desc with');

/** Words that write, lock, wait, define or reach out, wherever they stand. */
const FOREIGN = words(`
  into insert update delete merge replace truncate drop alter create grant revoke copy call do execute prepare deallocate
  analyze vacuum reindex cluster lock unlock set reset load handler begin commit rollback savepoint listen notify
  outfile dumpfile infile program import security refresh reassign comment discard checkpoint kill flush purge
  shutdown for attach detach pragma benchmark sleep xp_cmdshell exec declare recursive procedure function trigger
  numbers numbers_mt zeros zeros_mt
`);

/** What a bracket may follow without being a call. */
const BEFORE_BRACKET = words(`
  in and or not from where as on select exists any all some over by using filter having when then else case limit offset
  join between like values union except intersect with distinct interval materialized is explain
`);

/** Functions that only answer. */
const FUNCTIONS = words(`
  count sum min max avg stddev variance bool_or bool_and now age extract date_trunc date_part to_char to_timestamp
  coalesce nullif greatest least cast round floor ceil ceiling abs trunc mod lower upper length char_length substring
  substr left right trim ltrim rtrim replace_ concat concat_ws format string_agg array_agg group_concat array_length
  split_part position row_number rank dense_rank lag lead first_value last_value ntile version current_database
  current_schema database schema user current_user clock_timestamp statement_timestamp curdate curtime date date_sub
  date_add datediff timestampdiff unix_timestamp from_unixtime time year month day hour minute if ifnull
  numeric varchar char decimal unnest regexp_replace json_agg row_to_json
  pg_size_pretty pg_database_size pg_relation_size pg_total_relation_size pg_table_size pg_indexes_size
  pg_tablespace_size pg_is_in_recovery pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_current_wal_lsn pg_wal_lsn_diff
  pg_last_xact_replay_timestamp pg_postmaster_start_time pg_conf_load_time pg_blocking_pids pg_backend_pid
  pg_get_indexdef pg_get_viewdef pg_stat_get_live_tuples pg_stat_get_dead_tuples txid_current_snapshot
  format_bytes format_pico_time
`);

const SECRET =
  /passw|secret|token|credential|shadow|authid|authentication|api_?key|private_?key|conninfo|user_mapping|hba_file|ssl_key|ident_file|sqlite_dbpage|sqlite_dbdata|data_source|ciphers/;

function statement(tokens: readonly Token[]): Problem | null {
  const more = doesMore(tokens);
  const secret = tokens.find(({ type, value }) => (type === 'word' || type === 'quoted') && SECRET.test(value));
  if (secret === undefined) return more;
  return { ...problem(`names ${secret.value}, which may be a secret`), secret: true, changes: more !== null };
}

/** Why a statement may do more than read; null when it only reads, be it a secret. */
function doesMore(tokens: readonly Token[]): Problem | null {
  const first = tokens[0];
  if (first?.type !== 'word' || !OPENERS.has(first.value)) return problem('is no SELECT, SHOW, DESCRIBE or EXPLAIN');
  for (const [i, { type, value }] of tokens.entries()) {
    const called = tokens[i + 1]?.type === 'mark' && tokens[i + 1]?.value === '(';
    if (type === 'word' && FOREIGN.has(value) && !isShow(tokens, i)) return problem(`holds ${value}`);
    if (called && type === 'quoted') return problem(`calls ${value}`);
    if (called && type === 'word' && !FUNCTIONS.has(value) && !BEFORE_BRACKET.has(value) && !isColumns(tokens, i)) {
      return problem(`calls ${value}`);
    }
  }
  const nested = first.value === 'show' ? false : tokens.filter(({ value }) => value === '(').length > 32;
  return nested ? problem('is nested too deep') : null;
}

/** `SHOW CREATE TABLE x`, `SHOW PROCEDURE STATUS`: words that only name what is shown. */
function isShow(tokens: readonly Token[], at: number): boolean {
  if (tokens[0]?.value !== 'show' || at !== 1) return false;
  const next = tokens[2]?.value;
  return (tokens[1]?.value === 'create' && next === 'table') || (tokens[1]?.value !== 'create' && next === 'status');
}

/** `WITH name (a, b) AS (`: the names of columns, not a call. */
function isColumns(tokens: readonly Token[], at: number): boolean {
  if (tokens[0]?.value !== 'with' || at !== 1) return false;
  const close = tokens.findIndex(({ value }, i) => i > at && value === ')');
  const plain = tokens.slice(at + 2, close).every(({ type, value }) => type === 'word' || value === ',');
  return plain && tokens[close + 1]?.value === 'as';
}
