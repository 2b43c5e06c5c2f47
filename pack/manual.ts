import { CODE_SECTIONS } from '../broker/codes/all.ts';
import type { Commands } from '../broker/front-door.ts';
import { COMMANDS } from '../sentinel.ts';
import { type Heading, type ManualPage, manualPage, prose, section, subsection, tagged, verbatim } from './roff.ts';

/** A command and what its `--help` prints. */
interface Usage {
  readonly name: string;
  readonly summary: string;
  readonly text: string;
}

/** What the agent's bundle can do, as agent/main.ts has it. */
const OF_THE_AGENT = ['agent', 'exec', 'detect'];

const EXITS = [
  tagged('0', 'done, or all is well'),
  tagged('1', 'the answer is no: there are findings, something differs, it was refused'),
  tagged('2', 'usage or bad input; nothing was done'),
].join('\n');

/** What lies on a hub's host, and on one that only has the agent: none of them in both, so that a host may have both packages. */
export interface Manual {
  readonly hub: readonly ManualPage[];
  readonly agent: readonly ManualPage[];
}

/** The manual, made of what every command says of itself and of the table of codes. */
export async function manualOf(about: Pick<Heading, 'version' | 'time'>): Promise<Manual> {
  const usages = await usagesOf(COMMANDS);
  const ofAgent = usages.filter(({ name }) => OF_THE_AGENT.includes(name));
  return { hub: [hubPage(usages, about), codesPage(about)], agent: [agentPage(ofAgent, about)] };
}

/** Runs every command with `--help`. */
async function usagesOf(commands: Commands): Promise<readonly Usage[]> {
  const usages: Usage[] = [];
  for (const [name, { summary, load }] of Object.entries(commands)) {
    const lines: string[] = [];
    const io = {
      stdout: (line: string) => void lines.push(line),
      stderr: (line: string) => void lines.push(line),
      stdin: (async function* () {})(),
      signal: AbortSignal.abort(),
    };
    const act = await load();
    await act(['--help'], io);
    usages.push({ name, summary, text: lines.join('\n') });
  }
  return usages;
}

const helps = (usages: readonly Usage[]): string =>
  usages.map(({ name, summary, text }) => subsection(`${name}: ${summary}`, verbatim(text))).join('\n');

function hubPage(usages: readonly Usage[], about: Pick<Heading, 'version' | 'time'>): ManualPage {
  const heading = {
    name: 'sentinel',
    section: 1,
    brief: 'an autonomous SRE for sites without a cloud',
    ...about,
  } as const;
  const first =
    'One program: the hub of a site, the agent of a host, the operator’s screen, and the commands around them. ' +
    '`sentinel up` is all of it on one host. Every command takes `--help`; `sentinel explain` says what a code means.';
  return manualPage(heading, [
    section('Synopsis', '\\fBsentinel\\fR \\fICOMMAND\\fR [\\fIARGUMENT\\fR ...]'),
    section('Description', prose(first)),
    section('Commands', helps(usages)),
    section('Exit status', EXITS),
    section(
      'Files',
      prose(
        'The state folder is `./.sentinel` unless `--state` names another; `/var/lib/sentinel-hub` where it was installed.',
      ),
    ),
    section('See also', '\\fBsentinel\\-errors\\fR(7), \\fBsentinel\\-agent\\fR(1)'),
  ]);
}

function agentPage(usages: readonly Usage[], about: Pick<Heading, 'version' | 'time'>): ManualPage {
  const heading = {
    name: 'sentinel-agent',
    section: 1,
    brief: 'watches a host, and carries out what was approved',
    ...about,
  } as const;
  const first =
    'The agent in one file, as it is installed on a host that has no hub. What the usages below call `sentinel` is ' +
    '`sentinel-agent` there: `sentinel-agent agent`, `sentinel-agent exec`, `sentinel-agent detect`.';
  return manualPage(heading, [
    section('Synopsis', '\\fBsentinel\\-agent\\fR \\fICOMMAND\\fR [\\fIARGUMENT\\fR ...]'),
    section('Description', prose(first)),
    section('Commands', helps(usages)),
    section('Exit status', EXITS),
    section('Files', prose('`/etc/sentinel-agent` holds settings and `watch.d`, `/var/lib/sentinel-agent` the state.')),
  ]);
}

function codesPage(about: Pick<Heading, 'version' | 'time'>): ManualPage {
  const heading = {
    name: 'sentinel-errors',
    section: 7,
    brief: 'what each error code means, and what to do',
    ...about,
  } as const;
  const sections = CODE_SECTIONS.map(({ title, about: brief, codes }) =>
    section(
      title,
      [
        prose(brief),
        ...Object.entries(codes).map(([code, { what, todo }]) => tagged(code, `${prose(what)}\n.br\n${prose(todo)}`)),
      ].join('\n'),
    ),
  );
  return manualPage(heading, [...sections, section('See also', '\\fBsentinel\\fR(1)')]);
}
