import type { Split } from './names.ts';
import type { Random } from './random.ts';

/** Ways of plain English to say the same: no sentence of a program, and nothing that tells one cause from another. */
const SAME: readonly (readonly string[])[] = [
  ['could not', 'cannot', 'can not', 'failed to', 'unable to', 'was unable to', "couldn't", "can't", 'did not'],
  ['does not answer', 'is not responding', 'did not respond', 'gives no answer', 'no longer answers', 'stays mute'],
  ['not responding', 'unresponsive', 'without an answer', 'not answering'],
  ['timed out', 'ran into a timeout', 'took too long', 'timeout', 'was given up waiting for'],
  ['refused', 'rejected', 'turned down', 'not accepted', 'declined', 'bounced'],
  ['lost', 'dropped', 'gone', 'broken off', 'interrupted', 'severed'],
  ['is held by', 'is owned by', 'is used by', 'belongs to', 'is already with', 'was claimed by', 'is blocked by'],
  ['in use', 'taken', 'occupied', 'busy', 'claimed'],
  ['unknown', 'unrecognized', 'unrecognised', 'unexpected', 'unsupported'],
  ['invalid', 'bad', 'wrong', 'illegal', 'malformed', 'broken', 'improper'],
  ['missing', 'absent', 'not there', 'not present', 'nowhere to be found'],
  ['has expired', 'expired', 'is no longer valid', 'has run out', 'is too old', 'is past its end'],
  ['configuration', 'config', 'conf', 'settings', 'set-up'],
  ['permission denied', 'no permission', 'access denied', 'not permitted', 'access forbidden', 'lacks the rights'],
  ['denied', 'forbidden', 'not granted', 'not allowed', 'prohibited'],
  ['waiting', 'queued', 'pending', 'held back', 'stuck in the queue'],
  ['wait', 'queue', 'pend', 'are waiting', 'pile up'],
  ['started', 'began', 'was launched', 'has begun', 'is in progress', 'is under way'],
  ['killed', 'terminated', 'ended by force', 'shot down'],
  ['will retry', 'trying again', 'next try follows', 'new attempt soon'],
  ['frozen', 'stuck', 'not moving', 'flat', 'at a standstill'],
  ['not changed', 'unchanged', 'constant', 'the same', 'never varied'],
  ['not reachable', 'unreachable', 'out of reach', 'could not be reached'],
  ['exited', 'ended', 'quit', 'finished', 'terminated', 'stopped'],
  ['exceeded', 'passed', 'went over', 'broke through'],
  ['is full', 'has no room left', 'is filled up', 'overflows'],
  ['exhausted', 'used up', 'drained', 'spent'],
  ['is behind', 'trails', 'lags', 'falls back'],
  ['failed', 'went wrong', 'did not succeed', 'was unsuccessful', 'broke', 'ended in an error'],
  ['error', 'failure', 'fault', 'problem', 'trouble'],
  ['version', 'release', 'build', 'edition'],
  ['host name', 'hostname', 'host', 'name'],
];
/** The longest first: `does not answer` before `not responding`. */
const CHANGED = SAME.flatMap((ways) => ways.map((way) => ({ way, ways })))
  .filter(({ way }) => way.includes(' ') || way.length > 5)
  .sort((a, b) => b.way.length - a.way.length);
const WAYS = new Map(CHANGED.map(({ way, ways }) => [way, ways]));
const PATTERN = new RegExp(`\\b(?:${CHANGED.map(({ way }) => way.replace(/[-']/g, '\\$&')).join('|')})\\b`, 'i');

/** What stands in a sentence and says nothing. */
const FILLERS =
  'now still again also just then here at once for the moment currently as before so far today already (main) [core] likely probably once more internally'.split(
    ' ',
  );

const NEGATION = /^(?:no|not|never|none|without|cannot|un.*|.*n't)\b/i;

const SHARE = { reworded: 0.5, thinned: 0.3, filled: 0.2, turned: 0.08, cut: 0.05, raised: 0.05 } as const;

/**
 * Many of the lines that are learned from are said in another way, lack a word or have one more: whoever learned a sentence
 * by heart does not know it in other words. The first word says who speaks and stays. Lines to be measured on stay as they
 * are.
 */
export function worn(line: string, split: Split, random: Random): string {
  if (split === 'held') return line;
  let text = line;
  if (random.chance(SHARE.reworded)) text = reworded(text, random);
  const words = text.split(' ');
  if (words.length < 4) return text;
  if (random.chance(SHARE.thinned)) thin(words, random);
  if (random.chance(SHARE.filled)) words.splice(random.int(1, words.length), 0, random.pick(FILLERS));
  if (random.chance(SHARE.turned)) turn(words, random);
  if (words.length > 5 && random.chance(SHARE.cut)) words.splice(random.int(4, words.length - 1));
  if (random.chance(SHARE.raised)) return raised(words.join(' '));
  return words.join(' ');
}

const reworded = (text: string, random: Random): string =>
  text.replace(PATTERN, (found) => random.pick(WAYS.get(found.toLowerCase()) ?? [found]));

/** A word is left out; without its `no` a line would say the opposite. */
function thin(words: string[], random: Random): void {
  const at = random.int(1, words.length - 1);
  if (!NEGATION.test(words[at] ?? '')) words.splice(at, 1);
}

/** Two neighbours change places. */
function turn(words: string[], random: Random): void {
  const at = random.int(1, words.length - 2);
  const [first = '', second = ''] = words.slice(at, at + 2);
  words.splice(at, 2, second, first);
}

/** As some programs write: the first letter of a message large. */
const raised = (text: string): string => text.replace(/: [a-z]/, (found) => found.toUpperCase());
