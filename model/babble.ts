import type { Random } from './random.ts';

/** Words of which no cause is told, however they stand beside each other. */
const THINGS =
  'request batch page view task record cycle frame packet order report list table event item widget client session poll sample user account label status value sum total chart price letter invoice recipe shift ticket film door light lamp pump valve belt camera zone area room shelf pallet truck badge route stage tour page form query reply answer token cursor window buffer chunk block slot offset index key field column row tree branch node leaf edge graph mesh image pixel tile layer theme menu button panel screen hook filter rule plan step phase round turn scan count rate speed level mode state flag mark note comment topic channel group team role scope tag version entry header body footer signal tick clock hour day week season'.split(
    ' ',
  );
const DEEDS =
  'done finished loaded saved read written sent received parsed built sorted merged moved opened closed checked seen added removed updated created mapped joined left shown hidden sized drawn picked chosen handled served stored fetched published acknowledged accepted committed applied computed counted flushed rotated synced refreshed resumed skipped planned scheduled listed printed rendered compiled linked scanned measured weighed counted grouped trimmed packed unpacked copied registered subscribed entered recorded noted'.split(
    ' ',
  );
const LINKS =
  'of for to from in at with by on after before within under as and than over into during between since'.split(' ');
const MANNERS =
  'ok well quickly slowly again once twice all none some new old next last first second main idle ready active cold warm fresh full-size small large short long early late usual normal calm quiet clean steady'.split(
    ' ',
  );
const LEVELS = ['', '', '', 'info: ', 'debug: ', 'notice: ', 'INFO ', 'DEBUG ', 'trace: ', 'warning: '] as const;

/**
 * A line that says nothing of any cause, of words in any order: who knows only some hundred harmless sentences takes every
 * other one for a sign of trouble.
 */
export function babble(random: Random): string {
  const who = random.chance(0.75) ? random.pick(['{other}', '{other}', '{svc}']) : random.pick(PROGRAMS);
  return `${who}: ${random.pick(LEVELS)}${random.pick(SHAPES)(random)}`;
}

const PROGRAMS = ['cron', 'systemd', 'kernel', 'sshd[{n}]', 'dbus', 'snmpd', 'ntpd', 'chronyd', 'journald'] as const;

const thing = (random: Random) => random.pick(THINGS);
const deed = (random: Random) => random.pick(DEEDS);
const extra = (random: Random) => random.pick(['{n}', '{word}', '{n} ms', '{ip}', thing(random), '{n} %', '{hex}']);

const SHAPES: readonly ((random: Random) => string)[] = [
  (random) => `${thing(random)} {n} ${deed(random)}`,
  (random) => `{n} ${thing(random)}s ${deed(random)} ${random.pick(LINKS)} ${extra(random)}`,
  (random) => `${deed(random)} ${thing(random)} {word} ${random.pick(LINKS)} ${extra(random)}`,
  (random) => `${thing(random)} ${random.pick(LINKS)} {word} is ${random.pick(MANNERS)}, ${deed(random)} {n}`,
  (random) => `${thing(random)}={n} ${thing(random)}={word} ${thing(random)}=${extra(random)}`,
  (random) => `${random.pick(MANNERS)} ${thing(random)} ${random.pick(LINKS)} ${thing(random)} ${extra(random)}`,
  (random) => Array.from({ length: random.int(3, 8) }, () => anyWord(random)).join(' '),
  (random) =>
    `${thing(random)} ${thing(random)}: {n} ${deed(random)}, {n} ${random.pick(MANNERS)}, {n} ${deed(random)}`,
];

const anyWord = (random: Random): string => {
  const list = random.pick([THINGS, DEEDS, LINKS, MANNERS]);
  return random.chance(0.12) ? random.pick(['{n}', '{word}', '{ip}']) : random.pick(list);
};
