import { isScalar } from 'yaml';
import { SENSE_NAMES } from '../sense/all-senses.ts';
import type { Section } from './section.ts';
import { WatchError } from './watch-error.ts';

/** What the site switched on or off, by a sense's name; what it did not name is as `all-senses` has it. */
export type SenseSwitches = ReadonlyMap<string, boolean>;

/** `senses: {name: on|off}`. In YAML 1.2 `on` and `off` are words. Of two files that differ the first holds. */
export const sensesSection: Section<SenseSwitches> = {
  name: 'senses',
  none: new Map(),
  read: (reader, node) =>
    new Map(
      reader.map(node, 'senses', SENSE_NAMES).items.map(({ key, value }) => {
        const word = isScalar(value) ? value.value : undefined;
        if (word !== 'on' && word !== 'off')
          reader.fail(value ?? key, 'a sense is neither on nor off', 'write `on` or `off`');
        return [isScalar(key) ? String(key.value) : '', word === 'on'];
      }),
    ),
  join: (said, refuse) => {
    const switches = new Map<string, boolean>();
    for (const { file, value } of said) {
      for (const [sense, on] of value) {
        const before = switches.get(sense);
        if (before === undefined) switches.set(sense, on);
        else if (before !== on) {
          const problem = `the sense ${sense} is ${before ? 'on' : 'off'} in another file`;
          refuse(new WatchError('E_WATCH_FIELD', file, 1, problem, 'switch it in one file alone'));
        }
      }
    }
    return switches;
  },
};
