/**
 * What a model that was trained for this product says of itself in its file, under the keys `sentinel.*`. It decides how
 * the model is asked, and nothing else: whatever it says, the grammar of the incident bounds the answer.
 */
export interface SlotTraining {
  /** The classes that it learned to tell apart; the catalogue's own come in besides. */
  readonly classes: readonly string[];
}

/** Another number means another prompt or another language of answers than this hub writes and reads. */
export const SLOT_FORMAT = 2;
/** As the catalogue's own. */
const CLASS = /^[a-z][a-z0-9-]{0,39}$/;
const MAX_CLASSES = 128;

/**
 * Reads it from a GGUF's metadata; null for any other model. Throws an Error for a file that claims to be such a model and
 * is none that this hub can ask.
 */
export function slotTraining(metadata: unknown): SlotTraining | null {
  const own = field(metadata, 'sentinel');
  if (own === undefined) return null;
  const format = field(own, 'format');
  if (format !== SLOT_FORMAT) {
    throw new Error(`it was trained for prompts of format ${String(format)}, and this hub writes ${SLOT_FORMAT}`);
  }
  const classes = field(own, 'classes');
  const isList = Array.isArray(classes) && classes.length > 0 && classes.length <= MAX_CLASSES;
  if (!isList || !classes.every((name): name is string => typeof name === 'string' && CLASS.test(name))) {
    throw new Error('its list of classes has another form than names of incident classes');
  }
  return { classes };
}

const field = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Readonly<Record<string, unknown>>)[key]
    : undefined;
