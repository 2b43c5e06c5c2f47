import { EMPTY, type Line, line, span } from '../line.ts';
import type { Model } from '../model.ts';
import type { Place } from '../places.ts';

const PLACES: readonly (readonly [Place, string])[] = [
  ['incidents', 'in the list of incidents, and everywhere'],
  ['incident', 'in one incident'],
  ['probe', 'while a host is asked'],
  ['hosts', 'in the other lists'],
  ['policy', 'in the policy view'],
  ['palette', 'in the palette'],
  ['consent', 'in the dialog'],
];

/** The table of keys as a page, and how consent works. Made from the same table that the keys come from. */
export function helpLines(model: Model): readonly Line[] {
  const { glyphs } = model.theme;
  const said = new Set<string>();
  const lines: Line[] = [];
  for (const [place, title] of PLACES) {
    const rows = model.keys.filter((binding) => binding.places.includes(place) && binding.help !== '');
    const fresh = rows.filter((binding) => !said.has(binding.shown + binding.help));
    for (const binding of fresh) said.add(binding.shown + binding.help);
    if (fresh.length === 0) continue;
    lines.push(line(' ', span(title, 'strong')));
    lines.push(...fresh.map((binding) => line(span(`   ${binding.shown.padEnd(16)}`, 'accent'), binding.help)));
    lines.push(EMPTY);
  }
  return [
    ...lines,
    line(' ', span('signs', 'strong')),
    line(
      `   ${glyphs.critical} critical   ${glyphs.warning} warning   ${glyphs.info} info   ${glyphs.well} well or over   ${glyphs.silent} silent`,
    ),
    line(
      `   ${glyphs.allow} allow   ${glyphs.review} review: runs only if you include it   ${glyphs.block} block: never runs`,
    ),
    EMPTY,
    line(' ', span('consent', 'strong')),
    line('   A paste, or several keys at once, never approves. Nor does anything within 0.3 s of the dialog.'),
    line('   A plan that destroys, or is of high risk, asks for the name of the host, and then Y.'),
    line('   What is signed is the plan as it was shown; when it changes underneath, nothing is signed.'),
  ];
}
