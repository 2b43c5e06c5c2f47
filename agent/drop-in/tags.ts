import { isScalar } from 'yaml';
import type { Section } from './section.ts';
import { WatchError } from './watch-error.ts';

/** A birth carries 32. */
const MAX_TAGS = 32;
/** A word, or `key=word`: what severities, scopes and rules match on. */
const TAG = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}(?:=[A-Za-z0-9][A-Za-z0-9._-]{0,62})?$/;

/** What the host is for: sent in the birth, and followed by severities. The union of all files, in their order. */
export const tagsSection: Section<readonly string[]> = {
  name: 'tags',
  none: [],
  read: (reader, node) =>
    reader.list(node, 'tags', MAX_TAGS).map((item) => {
      if (isScalar(item) && typeof item.value === 'string' && TAG.test(item.value)) return item.value;
      return reader.fail(item, 'a tag is no word', 'give words such as `database`, or pairs such as `role=historian`');
    }),
  join: (said, refuse) => {
    const tags = new Set<string>();
    for (const { file, value } of said) {
      for (const tag of value) {
        if (tags.size < MAX_TAGS || tags.has(tag)) tags.add(tag);
        else
          refuse(
            new WatchError('E_WATCH_LIMIT', file, 1, `the tag ${tag} is over the limit of ${MAX_TAGS}`, 'remove some'),
          );
      }
    }
    return [...tags];
  },
};
