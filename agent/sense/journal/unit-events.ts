import type { JournalEntry } from './entry.ts';

/** Numbers of systemd's own catalogue (sd-messages.h): they stay the same in every language and version. */
const UNIT_FAILED = 'be02cf6855d2428ba40df7e9d022f03d';
const FAILURE_RESULT = 'd9b373ed55a64feb8242e02dbe79a49c';
const OUT_OF_MEMORY = 'fe6faa94e7774663a0da52717891d8ef';
const RESTART_SCHEDULED = '5eb03494b6584870a536b337290809b3';
const STARTED = '39f53479d3a045ac8e11786248231fbf';

const UNIT =
  /^[A-Za-z0-9:_.\\@-]{1,120}\.(?:service|socket|timer|path|mount|target|slice|swap|automount|scope|device)$/;

export interface UnitEvent {
  readonly unit: string;
  /** `failure` is one run that went wrong: with Restart= the unit has not failed by that. */
  readonly kind: 'failure' | 'restart' | 'started' | 'oom';
}

/** What process 1 says of a unit; null for all else. No other process is believed. */
export function unitEvent(entry: JournalEntry): UnitEvent | null {
  if (entry.from !== 'manager' || !UNIT.test(entry.unit)) return null;
  const { unit } = entry;
  switch (entry.messageId) {
    case UNIT_FAILED:
    case FAILURE_RESULT:
      return { unit, kind: 'failure' };
    case OUT_OF_MEMORY:
      return { unit, kind: 'oom' };
    case RESTART_SCHEDULED:
      return { unit, kind: 'restart' };
    case STARTED:
      return { unit, kind: 'started' };
    default:
      return null;
  }
}
