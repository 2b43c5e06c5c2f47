/** Words that stand for a name that nobody filled in; models copy them out of manuals. `<pid>` and `{{pid}}` fail before. */
const UNFILLED =
  /(?:^|[^a-z0-9])(?:your|insert|replace)[_.-][a-z0-9]|[_-]here(?:$|[^a-z0-9])|(?:^|[^a-z0-9])(?:change[_-]?me|placeholder)(?:$|[^a-z0-9])|^\/?path\/(?:to|of)(?:\/|$)|\/path\/to(?:\/|$)/i;

/** Things are named so in manuals, and in no inventory. */
const SHOUTED =
  /^(?:[A-Z0-9]+_)*(?:SERVICE|UNIT|CONTAINER|POD|NAMESPACE|NODE|DEVICE|INTERFACE|TODO|TBD|FIXME|XXX+)(?:_(?:NAME|ID))?$/;

/** The same for words that are also the names of settings and variables. */
const SHOUTED_NAME = /^(?:[A-Z0-9]+_)*(?:NAME|HOST|HOSTNAME|ID|PID|USER|USERNAME|IP|ADDRESS|PATH|FILE|DIR|DATABASE)$/;

/** True for an operand that is a blank of a form, where no word is expected that only looks like one. */
export const isUnfilled = (value: string): boolean => UNFILLED.test(value) || SHOUTED.test(value);

/** True for an operand that is a blank of a form rather than the name of a thing. */
export const isPlaceholder = (value: string): boolean => isUnfilled(value) || SHOUTED_NAME.test(value);
