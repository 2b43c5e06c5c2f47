import { duration } from '../../evidence/words.ts';
import { command, type KnownCause, restart } from './cause.ts';
import type { Signs } from './signs.ts';

const before = [
  command('last -x -n 10', 'Shows shutdowns and starts: a start without a shutdown before it was none of ours.'),
  command('journalctl -b -1 -n 50 --no-pager', 'Shows the last lines before.'),
];

/** What ends a host, by what it leaves behind; the narrowest first. */
const ENDS: readonly (readonly [pattern: RegExp, words: string])[] = [
  [/kernel panic|unable to handle kernel|\bpstore\b|kdump|vmcore|\bBUG: /i, 'the kernel panicked'],
  [
    /watchdog.{0,60}(?:reset|reboot|did not|timed? ?out|expired)|reset by watchdog|bootstatus.{0,20}(?:watchdog|0x20)/i,
    'the watchdog reset it, since it hung',
  ],
  [
    /critical temperature reached|thermal.{0,30}shut ?down|temperature.{0,40}shutting down/i,
    'it switched itself off for heat',
  ],
  [
    /power (?:fail(?:ure|ed)?|loss|lost|outage)|on battery|\b(?:ups|apc)\w*\b.{0,60}\blow battery|battery (?:exhausted|critical)|brown.?out|under-?voltage/i,
    'its power failed',
  ],
  [/out of memory and no killable|panic_on_oom/i, 'it ran out of memory'],
];
const PLANNED =
  /(?:systemd-shutdown|reached target (?:system )?(?:reboot|power-off|shutdown)|system is (?:rebooting|powering down)|scheduled (?:reboot|shutdown)|reboot requested|initiated by|automatic reboot)/i;
const UNCLEAN =
  /(?:uncleanly shut down|recovering journal|not (?:cleanly|properly) unmounted|unclean (?:shutdown|restart)|was not properly shut down|database system was (?:interrupted|not properly)|orphan(?:ed)? inode|dirty bit is set|clearing orphan)/i;

/** A host that started anew: what came before tells why, and where nothing does, saying so is the answer. */
const reboot: KnownCause = {
  id: 'reboot',
  class: 'unexpected-reboot',
  find: (signs) => {
    // A boot beside a failed unit is why that one failed, and no finding of its own.
    if (!signs.isAbout('host.reboot')) return null;
    const told = ENDS.map(([pattern, words]) => ({ line: signs.line(pattern), words })).find(
      ({ line }) => line !== undefined,
    );
    if (told?.line !== undefined) {
      return {
        sentence: `The host went down and was started anew: ${told.words}, as the lines before it tell.`,
        evidence: [told.line.id, ...signs.main],
        commands: before,
        sure: 'decisive',
        person: true,
      };
    }
    const planned =
      signs.line(PLANNED) ?? signs.change(/\b(?:reboot|restart(?:ed)? (?:the )?host|kernel|firmware|linux-image)/i);
    const unclean = signs.line(UNCLEAN);
    if (planned !== undefined && unclean === undefined) {
      return {
        sentence: 'The host was restarted in order: somebody, or a scheduled update, asked for it.',
        evidence: [planned.id, ...signs.main],
        commands: before,
        sure: 'likely',
        person: true,
      };
    }
    return {
      sentence: `The host went down without a clean shutdown${unclean === undefined ? ' that anything shows' : ' (its file systems or its journal were left unclean)'} and was started anew; what ended it (power loss, reset or hang) is not known by this evidence.`,
      evidence: [...(unclean === undefined ? [] : [unclean.id]), ...signs.main],
      commands: before,
      sure: unclean === undefined ? 'open' : 'likely',
      or: [
        'the power was lost, or somebody pressed the reset button',
        'it hung, and a watchdog reset it',
        'the kernel panicked; its last lines did not reach the disk',
      ],
      person: true,
    };
  },
};

/** Seconds by which no clock drifts: it was set wrong, or started wrong. */
const JUMP_S = 86_400;

/** Seconds that the clock is off, as the metric says it; undefined where none does. */
export function clockOff(signs: Signs): number | undefined {
  const off = signs.metric(/clock.*offset|ntp.*offset/);
  if (off?.value === undefined) return undefined;
  return Math.abs(off.value) / (off.name.endsWith('_ms') ? 1_000 : 1);
}

/** Whether the clock is so wrong that dates, certificates among them, prove nothing. */
export const isClockWrong = (signs: Signs): boolean => (clockOff(signs) ?? 0) >= JUMP_S;

/** A clock that started in the past: everything signed or dated fails, and nothing is wrong with it. */
const realTimeClock: KnownCause = {
  id: 'real-time-clock',
  class: 'clock-wrong',
  find: (signs) => {
    const line = signs.line(
      /\brtc\b.{0,60}(?:low voltage|not reliable|battery|invalid|oscillator|lost)|low voltage detected, date|hctosys: unable|hwclock.{0,60}(?:fail|unable|invalid)|cmos battery|setting system clock to (?:19\d\d|200\d|201\d)-/i,
    );
    const off = clockOff(signs) ?? 0;
    if (line === undefined && off < JUMP_S) return null;
    const refused = signs.line(/not yet valid|certificate.{0,40}not valid before|clock skew/i);
    const unit = signs.unitLike(/chrony|ntp|timesync/);
    return {
      sentence: `The clock is wrong${off > 0 ? ` by ${duration(off)}` : ''}: ${line === undefined ? 'it was set or started far off' : 'the real-time clock (RTC) lost the date, as with an empty battery'}, and no time source has corrected it${refused === undefined ? '' : '; certificates look invalid only because of it'}.`,
      evidence: [...[line, refused].flatMap((one) => (one === undefined ? [] : [one.id])), ...signs.main],
      commands: [
        command('timedatectl status', 'Shows the clock, the real-time clock, and whether a source is known.'),
        command('chronyc sources', 'Shows the sources and whether they answer.'),
        ...(unit === undefined || !/chrony/.test(unit)
          ? unit === undefined
            ? []
            : [restart(unit)]
          : [command('chronyc makestep', 'Sets the clock at once, as soon as a source answers.')]),
      ],
      sure: 'decisive',
      person: true,
      // A time service that is started anew still finds no source, and the clock no battery.
      futile: ['clock-unsynced'],
    };
  },
};

/** Heat under the usual load is no fault of a program. */
const heat: KnownCause = {
  id: 'heat',
  class: 'overheating',
  find: (signs) => {
    const line = signs.line(
      /clock (?:is )?throttled|temperature (?:is )?above threshold|thermal (?:throttl|shutdown|trip)|critical temperature/i,
    );
    if (line === undefined && !signs.hasSignal('host.temperature', 'host.throttling')) return null;
    const fan = signs.line(/\bfan\b.{0,60}(?:fail|stall|0 rpm|stopped|below)|tach.{0,30}(?:fail|low)/i);
    const still = signs.metrics(/fan/).find(({ value }) => value !== undefined && value < 300);
    const busy = signs.metric(/^cpu\.percent/);
    const hot = signs.metric(/hottest|temperature|temp_c/) ?? signs.metric(/thermal/);
    const failed = fan !== undefined || still !== undefined;
    const load = busy === undefined ? 'under its usual load' : `with its processors at ${busy.words}`;
    return {
      sentence: `The host is too hot (${hot?.words || 'near its limit'}) ${load} and slows its processors (thermal throttling): ${!failed ? 'its fan, its heat sink (dust), or the air of the room or cabinet; no reading tells which' : `its fan${still?.label ? ` ${still.label}` : ''} failed (it stands still)`}.`,
      evidence: [...[line, fan].flatMap((one) => (one === undefined ? [] : [one.id])), ...signs.main],
      commands: [
        command('sensors', 'Shows temperatures and fans.'),
        command('uptime', 'Shows whether there is load that explains it.'),
      ],
      sure: failed ? 'decisive' : 'likely',
      ...(failed
        ? { apart: true }
        : {
            or: [
              'its fan stands still, or its heat sink is full of dust',
              'the room or the cabinet is hot: its air conditioning or its own fan',
              ...(busy === undefined ? [] : ['a load that it was not made for']),
            ],
          }),
      person: true,
    };
  },
};

/** Time that a virtual machine wants and its host gives to others. */
const steal: KnownCause = {
  id: 'steal',
  class: 'cpu-steal',
  find: (signs) => {
    const metric = signs.metric(/steal/);
    if ((metric?.value ?? 0) < STOLEN) return null;
    return {
      sentence: `The host of this virtual machine gives its processors to others (steal ${metric?.words ?? ''}): the hypervisor has promised more than it has (overcommitted), or a neighbour takes it; nothing inside is at fault.`,
      evidence: signs.main,
      commands: [command('uptime', 'Shows the load.'), command('vmstat 1 3', 'Shows the time that is stolen.')],
      sure: 'decisive',
      person: true,
      // Clocks, answers and locks are late because of it.
      futile: ['cpu-saturation', 'runaway-process', 'clock-unsynced', 'kernel-fault', 'batch-load'],
    };
  },
};

/** Percent of stolen time from which on it is felt. */
const STOLEN = 15;

/** The machine itself: its start, its clock, its heat. */
export const MACHINE: readonly KnownCause[] = [reboot, realTimeClock, steal, heat];
