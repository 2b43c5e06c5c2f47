import { type DamageRule, joined, plain, short } from './damage-words.ts';

/** A mode that lets a program run as its owner: `4755`, `04755`, `u+s`, `u=rwxs`, `go-w,+s`. */
const setsOwner = (mode: string): boolean =>
  /^0?[4-7][0-7]{3}$/.test(mode) || mode.split(',').some((part) => /^[ugoa]*[+=][rwxXt]*s/.test(part));

/** Programs that every host has and that run as root, whoever starts them. */
const ROOTS_OWN =
  /^\/(?:usr\/)?(?:s?bin|lib\/\S{0,64})\/(?:su|sudo|doas|pkexec|passwd|mount|umount|newgrp|chsh|chfn|gpasswd|crontab|at|fusermount3?|ssh-keysign|dbus-daemon-launch-helper|polkit-agent-helper-1)$/;

/** The words that a flag for a mode gives: `-m 4755`, `-m4755`, `--mode=u+s`, `--chmod=u+s`. */
function modes(args: readonly string[]): string[] {
  return args.flatMap((arg, i) => {
    const attached = /^(?:-m|--(?:mode|chmod)=)(.+)$/.exec(arg)?.[1];
    return attached === undefined
      ? /^(?:-[a-zA-Z]*m|--mode|--chmod)$/.test(arg)
        ? args.slice(i + 1, i + 2)
        : []
      : [attached];
  });
}

const keepsMode = (args: readonly string[]): boolean =>
  short(args, /[pa]/) || args.some((arg) => /^--(?:archive|perms|preserve(?:=.*(?:mode|all).*)?)$/.test(arg));

/** Ways to make a program that gives root, or a part of it, to whoever starts it. */
export const SETUID_DAMAGES: readonly DamageRule[] = (
  [
    [
      /^chmod$/,
      (a) =>
        a.some(setsOwner) || a.some((arg) => ROOTS_OWN.test(arg.replace(/^--reference=/, '')) && arg.startsWith('-')),
    ],
    [/^(?:install|mkdir|rsync|tar|bsdtar)$/, (a) => modes(a).some(setsOwner)],
    [
      /^(?:cp|rsync|scp)$/,
      (a) =>
        keepsMode(a) &&
        plain(a)
          .slice(0, -1)
          .some((path) => ROOTS_OWN.test(path)),
    ],
    [/^dpkg-statoverride$/, (a) => plain(a).some((word) => /^0?[4-7][0-7]{3}$/.test(word))],
    [/^setfattr$/, joined(/security\.capability/)],
    [/^mount$/, joined(/(?:^| )(?:-o ?|--options[ =])(?:\S*,)?suid\b/)],
    [
      /^(?:python|pypy|perl|ruby|php|lua|node|deno|tclsh)[\d.]*$/,
      joined(/chmod\W.{0,96}?\b0o?[4-7][0-7]{3}\b|chmod\W{1,4}[4-7][0-7]{3}\b|S_ISUID/),
    ],
  ] satisfies [RegExp, DamageRule['when']][]
).map(([names, when]) => ({
  names,
  rule: 'destruction.setuid',
  effect: 'breach',
  reason: 'it makes a program that runs as its owner, whoever starts it',
  when,
}));
