import type { Binding } from '../bindings.ts';
import { type Line, line, lineWidth, type Span, span, spread } from '../line.ts';
import { type Model, placeOf } from '../model.ts';
import { clock } from '../quantity.ts';

const GAP = span('   ');

function hint(binding: Binding, model: Model): readonly Span[] {
  const disabled = binding.why?.(model) !== undefined;
  return [span(binding.shown, disabled ? 'dim' : 'strong'), span(` ${binding.footer}`, disabled ? 'dim' : 'plain')];
}

/** The one footer line: the keys of this place (disabled ones dim), or what just happened, and the clock. */
export function footer(model: Model): Line {
  const { ui, cols, now } = model;
  const right = line(span(`${clock(now)} `, 'dim'));
  if (ui.toast !== null && ui.consent === null)
    return spread(line(' ', span(ui.toast.text, ui.toast.tone)), right, cols);
  const place = placeOf(ui);
  if (ui.palette !== null) {
    const end = span('   enter go   esc close', 'dim');
    return spread(line(' go to ', span(ui.palette.text), span('▌', 'accent'), end), right, cols);
  }
  if (place === 'filter') {
    const field = line(' filter ', span(ui.filter), span('▌', 'accent'), span('   enter keep   esc clear', 'dim'));
    return spread(field, right, cols);
  }
  const here = model.keys.filter((binding) => binding.footer !== '' && binding.places.includes(place));
  // Help is never what gives way: it names every key that found no room.
  const last = here
    .filter((binding) => binding.command === 'help')
    .flatMap((binding) => [GAP, ...hint(binding, model)]);
  const room = cols - lineWidth(right) - lineWidth(last) - 1;
  const hints: Span[] = [span(' ')];
  for (const binding of here) {
    if (binding.command === 'help') continue;
    const next = [...(hints.length > 1 ? [GAP] : []), ...hint(binding, model)];
    if (lineWidth([...hints, ...next]) > room) break;
    hints.push(...next);
  }
  return spread([...hints, ...last], right, cols);
}
