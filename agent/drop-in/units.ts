import { isScalar } from 'yaml';
import type { Section } from './section.ts';

/** Units whose failures are the site's own business. */
export interface WatchedUnits {
  readonly ignore: readonly string[];
}

const MAX_IGNORED = 128;
const UNIT = /^[A-Za-z0-9:_.\\@-]{1,120}\.[a-z]{4,9}$/;

/** `units: {ignore: [NAME.service]}`; the union of all files. */
export const unitsSection: Section<WatchedUnits> = {
  name: 'units',
  none: { ignore: [] },
  read: (reader, node) => {
    const ignore = reader.map(node, 'units', ['ignore']).get('ignore', true);
    if (ignore === undefined) return { ignore: [] };
    return {
      ignore: reader.list(ignore, 'ignored units', MAX_IGNORED).map((item) => {
        if (isScalar(item) && typeof item.value === 'string' && UNIT.test(item.value)) return item.value;
        return reader.fail(item, 'a unit has no good name', 'give the whole name: `debug.service`');
      }),
    };
  },
  join: (said) => ({ ignore: [...new Set(said.flatMap(({ value }) => value.ignore))] }),
};
