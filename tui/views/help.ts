import type { Binding } from '../binding.ts';
import { EMPTY, hanging, type Line, line, span } from '../line.ts';
import type { Model } from '../model.ts';
import type { Place } from '../places.ts';

const PLACES: readonly (readonly [Place, string])[] = [
  ['incidents', 'in the list of incidents, and everywhere'],
  ['incident', 'in one incident'],
  ['probe', 'while a host is asked'],
  ['hosts', 'in the other lists'],
  ['automation', 'in the automation'],
  ['policy', 'in the policy view'],
  ['palette', 'in the palette'],
  ['approval', 'in the dialog'],
];

/** The table of keys as a page, and how consent works. Made from the same table that the keys come from. */
export function helpLines(model: Model): readonly Line[] {
  const { glyphs } = model.theme;
  const columns = model.cols - 1;
  const signs = (pairs: readonly (readonly [string, string])[]) =>
    hanging(line('   '), pairs.map(([mark, word]) => `${mark} ${word}`).join('   '), columns);
  const said = new Set<string>();
  const lines: Line[] = [];
  for (const [place, title] of PLACES) {
    const rows = model.keys.filter((binding) => binding.places.includes(place) && binding.help !== '');
    const fresh = rows.filter((binding) => !said.has(binding.shown + binding.help));
    for (const binding of fresh) said.add(binding.shown + binding.help);
    if (fresh.length === 0) continue;
    lines.push(line(' ', span(title, 'strong')));
    const lead = ({ shown }: Binding) => line(span(`   ${shown.padEnd(16)}`, 'accent'));
    lines.push(...fresh.flatMap((binding) => hanging(lead(binding), binding.help, columns)));
    lines.push(EMPTY);
  }
  return [
    ...lines,
    line(' ', span('signs', 'strong')),
    ...signs([
      [glyphs.critical, 'critical'],
      [glyphs.warning, 'warning'],
      [glyphs.info, 'info'],
      [glyphs.well, 'well or over'],
      [glyphs.silent, 'silent'],
    ]),
    ...signs([
      [glyphs.allow, 'allow'],
      [glyphs.review, 'review: runs only if you include it'],
      [glyphs.block, 'block: never runs'],
    ]),
    EMPTY,
    line(' ', span('consent', 'strong')),
    ...CONSENT.flatMap((text) => hanging(line('   '), text, columns)),
  ];
}

const CONSENT = [
  'A paste, or several keys at once, never approves. Nor does anything within 0.3 s of the dialog.',
  'A plan that destroys, or is of high risk, asks for the name of the host, and then Y.',
  'What is signed is the plan as it was shown; when it changes underneath, nothing is signed.',
  'What is remembered is the rule as it was shown: these commands, these hosts, until that day.',
] as const;
