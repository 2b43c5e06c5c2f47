import { recentChange } from '../rules-change.ts';
import { type KnownCause, restart, unitLog, unitStatus } from './cause.ts';
import { bareName, harmless, speaksOf } from './changes.ts';
import { failing, loops } from './failing.ts';
import type { Signs } from './signs.ts';

/** Lines of the service manager and the kernel's network: they say that something ended, and not why. */
const OF_MANAGER: readonly RegExp[] = [
  /^(?:\d+ times: )?(?:systemd(?:\[\d+\])?|containerd|dockerd|podman|conmon|kernel|init|supervisord)\b.{0,20}:.*(?:starting|started|stopp|failed|main process exited|scheduled restart|restart counter|shim disconnected|entered (?:disabled|blocking|forwarding)|exited|deactivated|triggered|repeated too quickly|consumed|container|veth|level=info)/i,
  /^(?:\d+ times: )?(?:[\w@.-]+\.(?:service|timer|socket|mount): (?:main process|failed with|scheduled|start request|consumed|deactivated|control process)|(?:starting|started|stopped|failed to start|finished) )/i,
];
const isOfManager = (text: string): boolean => OF_MANAGER.some((pattern) => pattern.test(text));

const COMPLAINS =
  /error|fail|fatal|critical|cannot|can't|could not|unable|denied|refused|invalid|missing|not found|no such|exception|panic|abort|timed? ?out|unexpected|mismatch|expired/i;

/** The last thing that the failing program itself complained of: nobody knows what it means, and a person reads it first. */
function lastWords(signs: Signs, name: string): { readonly id: string; readonly words: string } | undefined {
  const bare = bareName(name);
  const own = signs.lines().filter(({ text }) => !isOfManager(text) && COMPLAINS.test(text));
  const line = own.findLast(({ text }) => speaksOf(text.slice(0, 80), bare)) ?? own.at(-1);
  return line && { id: line.id, words: `; the last that it said: ${harmless(line.text)}` };
}

/** In a loop, for a reason that its own words give and no rule knows. */
const complaint: KnownCause = {
  id: 'loop-complaint',
  class: 'crash-loop',
  find: (signs) => {
    const it = failing(signs);
    if (it === null || !loops(signs)) return null;
    const said = lastWords(signs, it.name.replace('Container ', ''));
    if (said === undefined) return null;
    return {
      sentence: `${it.name} is in a crash loop${said.words}.`,
      evidence: [said.id, ...signs.main],
      commands: [...it.look, ...it.halt],
      sure: 'likely',
      ...(it.own ? {} : { person: true }),
    };
  },
};

/** A loop of which nobody said why: stopping it hides it, and its own output is what is missing. */
const silentLoop: KnownCause = {
  id: 'silent-loop',
  class: 'crash-loop-unexplained',
  find: (signs) => {
    const it = failing(signs);
    // What a unit says is in the journal, where everybody looks: a container's own output often is not.
    const isContainer = it?.name.startsWith('Container ') === true;
    if (it === null || !isContainer || !loops(signs) || signs.hasSignal('kernel.oom', 'host.oom')) return null;
    if (signs.lines().some(({ text }) => !isOfManager(text))) return null;
    if (signs.evidence.items.some(({ kind }) => kind === 'change')) return null;
    const status = signs.line(/(?:exit(?:ed|code|_code| code| status)?|status)[= :]{1,3}(\d{1,3})\b/i);
    const count = signs.metric(/restart/)?.words;
    // Where no line came at all, nobody has looked yet.
    if (status === undefined && signs.lines().length === 0) return null;
    return {
      sentence: `${it.name} exits${status === undefined ? '' : ` with status ${status.groups[0]}`} and is restarted again and again${count ? ` (${count})` : ''}; its own output is not in this evidence, so why is not known.`,
      evidence: [...signs.main, ...(status === undefined ? [] : [status.id])],
      commands: it.look,
      sure: 'open',
      or: [
        'its configuration, an argument or a file that it needs is wrong',
        'something that it connects to at its start does not answer',
        'a fault of the program itself',
      ],
      person: true,
      futile: ['container-restart-loop'],
    };
  },
};

/** Nothing else is known: one more start, and its log. */
const ended: KnownCause = {
  id: 'ended',
  class: 'service-failed',
  find: (signs) => {
    const unit = signs.unit;
    if (unit === undefined || !signs.hasSignal('unit.failed') || loops(signs)) return null;
    const status = signs.line(/code=exited, status=(\d{1,3}(?:\/\w+)?)/i);
    const words = signs.lines().filter(({ text }) => !isOfManager(text));
    // What ran and ended may live when it is started again; what never came up and said nothing fails as before.
    const cameUp = signs.line(/failed to start|start request repeated too quickly/i) === undefined;
    const changed = signs.evidence.items.some(({ kind }) => kind === 'change');
    const bare = !signs.evidence.items.some(({ kind }) => kind === 'log');
    if (words.length === 0 && !changed && (bare || !cameUp)) {
      return {
        sentence: `${unit} ended with an error (it failed${status === undefined ? '' : `, exit status ${status.groups[0]}`}); no line of its own and no change is known, so why is not shown by this evidence.`,
        evidence: [...signs.main, ...(status === undefined ? [] : [status.id])],
        commands: [unitStatus(unit), unitLog(unit)],
        sure: 'open',
        or: [
          'its configuration or a file that it needs is broken',
          'something that it depends on is away',
          'it was killed for want of memory',
        ],
        person: true,
      };
    }
    const said = lastWords(signs, unit);
    const signal = signs.line(/code=(?:killed|dumped), status=(\d{1,3}(?:\/\w+)?)/i);
    return {
      sentence: `${unit} ended with an error (it failed${signal === undefined ? '' : `, killed by signal ${signal.groups[0]}`}, and systemd has given it up)${said === undefined ? '; why is not shown by this evidence' : said.words}.`,
      evidence: [...[said, signal].flatMap((one) => (one === undefined ? [] : [one.id])), ...signs.main],
      commands: [restart(unit), unitLog(unit)],
      sure: 'likely',
    };
  },
};

/** A symptom without a cause: saying so, with where to look, is the answer. */
const unexplained: KnownCause = {
  id: 'unexplained',
  class: 'unknown',
  last: true,
  find: (signs) => {
    const symptom = signs.metric(
      /latency|response|duration|errors?_(?:percent|rate)|error_rate|timeouts?|5xx|requests?_failed|throughput|availability/,
    );
    const it = failing(signs);
    if (symptom === undefined) return null;
    return {
      sentence: `${it?.name ?? 'A service'} answers slowly or with errors (${symptom.name}${symptom.words === '' ? '' : ` ${symptom.words}`}), and why is not shown by this evidence: the cause is not known.`,
      evidence: signs.main,
      commands: it?.look ?? [],
      sure: 'open',
      or: [
        ...[recentChange(signs.evidence)?.instead].flatMap((one) => one ?? []),
        'something that it depends on (an upstream service or a database) is slow or fails',
        'a lock, a queue or a pool inside it is used up',
        'the network between them loses or delays packets',
      ],
      person: true,
    };
  },
};

/** What is left where nothing tells why: saying so, with where to look. */
export const UNEXPLAINED: readonly KnownCause[] = [complaint, silentLoop, ended, unexplained];
