import { number, plainName } from '../../evidence/words.ts';
import { command, type KnownCause } from './cause.ts';
import type { Signs } from './signs.ts';

/** Percent of the inodes from which on they are what runs short. */
const TAKEN = 80;
/** How deep below its file system the folder of many files is named. */
const DEPTH = 3;

/** Whose lines speak of files below a file system that are made, or can't be: where the many files are. */
function makerOf(signs: Signs, mount: string) {
  const below = mount === '/' ? '/' : `${mount}/`;
  for (const { id, text } of signs.lines()) {
    if (!/creat|mkdir|mktemp|open|writ|no space|enospc|errno 28|spool|stor(?:e|ing)|sav(?:e|ing)/i.test(text)) continue;
    const path = /(\/[\w.@+-]+(?:\/[\w.@+-]+)+)/g;
    const found = [...text.matchAll(path)].map(([one]) => one).find((one) => one.startsWith(below));
    if (found === undefined) continue;
    const parts = found.slice(below.length).split('/').slice(0, -1).slice(0, DEPTH);
    const from = /^(?:\d+ times: )?([\w@.-]+)(?:\[\d+\])?:/.exec(text)?.[1];
    return {
      id,
      folder: plainName(`${below}${parts.join('/')}`.replace(/\/$/, '') || '/'),
      who: from === undefined ? undefined : plainName(from),
    };
  }
  return undefined;
}

/** Blocks free and still no space: small files have taken the inodes. */
const inodes: KnownCause = {
  id: 'inodes',
  class: 'inode-exhaustion',
  find: (signs) => {
    // More than usual is not yet too many.
    const taken = signs
      .metrics(/^disk\.inodes/)
      .find(({ name, value }) => !/percent/.test(name) || (value ?? 0) >= TAKEN);
    const mount = taken?.label ?? signs.mounts.find(({ inodesUsed }) => (inodesUsed ?? 0) >= 95)?.mount.path;
    if (mount === undefined || mount === null || !signs.evidence.entities.some(({ value }) => value === mount))
      return null;
    // That somebody logged in is a session too.
    const sessions = signs.line(/\bsess_|session_start|\/sessions?\b|\bsession (?:files?|data)\b/i);
    const mail =
      signs.line(/\b(?:postfix|qmgr|exim|sendmail|maildrop|mail queue|queue file)/i) ??
      (signs.process(/^(?:qmgr|master|exim4?)$/) && { id: signs.main[0] ?? '', groups: [] });
    const made = makerOf(signs, mount);
    const cleaner = signs.units.find((unit) => /clean|prune|purge|rotate|expire/.test(unit));
    const blocks = signs.mounts.find((one) => one.mount.path === mount);
    const whose =
      sessions !== undefined
        ? 'session files that nobody cleans up'
        : mail !== undefined
          ? 'the files of a mail queue'
          : 'very many small files that nobody removes';
    const change = signs.since(made?.who);
    // Who writes the files down is often not who asks for so many.
    const near = change.ids.length > 0 ? change : signs.since(...signs.processes.map((one) => signs.program(one)));
    const maker =
      made === undefined
        ? ''
        : `, most likely those${made.who === undefined ? '' : ` that ${made.who} makes`} under ${made.folder}`;
    const sweep = sessions !== undefined && !/^\/(?:var|home|srv|usr|opt|etc)?$/.test(mount);
    return {
      sentence: `File system ${mount} is out of inodes (${taken?.words ?? 'nearly all'} used) while ${blocks === undefined ? 'blocks are free' : `only ${number(blocks.used)} % of its space is used`}: small files have taken them, ${whose}${maker}${cleaner === undefined ? '' : `; ${cleaner}, which should clean up, failed`}${change.words}.`,
      evidence: [
        ...signs.main,
        ...(sessions === undefined ? [] : [sessions.id]),
        ...(blocks === undefined ? [] : [blocks.item.id]),
        ...(made === undefined ? [] : [made.id]),
        ...change.ids,
        ...(near === change ? [] : near.ids),
      ],
      commands: [
        command(`df -i ${mount}`, 'Shows how many inodes are used.'),
        ...(cleaner === undefined
          ? []
          : [command(`systemctl start ${cleaner}`, 'Runs the job that should have cleaned up.')]),
        ...(mail === undefined ? [] : [command('postqueue -p', 'Shows what waits in the mail queue, and why.')]),
        sweep
          ? command(
              `find ${mount} -xdev -type f -name 'sess_*' -mmin +1440 -delete`,
              'Deletes session files that were not touched for a day.',
            )
          : command(`du -x --inodes --max-depth=2 ${mount}`, 'Shows which folders hold the many files.'),
      ],
      sure: 'decisive',
      ...(near !== change && near.ids.length > 0
        ? { or: [`Another program asks for so many files${near.words}.`] }
        : {}),
      ...(sweep || cleaner !== undefined ? {} : { person: true }),
    };
  },
};

/** What small files use up. */
export const CROWDED: readonly KnownCause[] = [inodes];
