import { cutLine, EMPTY, fill, isSameLine, type Line, line, span } from './line.ts';
import { isTooSmall, type Model, SMALLEST } from './model.ts';
import { auditLines, auditView } from './views/audit.ts';
import { automationView, rememberedLines } from './views/automation.ts';
import { dialogOf, dialogRoom, drawDialog } from './views/consent.ts';
import { checkLines, doctorView } from './views/doctor.ts';
import { caseLines, evaluationView } from './views/evaluation.ts';
import { helpLines } from './views/help.ts';
import { hostLines } from './views/host.ts';
import { hostsView } from './views/hosts.ts';
import { incidentLines } from './views/incident.ts';
import { incidentsView } from './views/incidents.ts';
import { paletteView } from './views/palette.ts';
import { playbookLines, playbooksView } from './views/playbooks.ts';
import { policyView } from './views/policy.ts';
import { probeView } from './views/probe.ts';
import { tourLines } from './views/tour.ts';
import { footer } from './widgets/footer.ts';
import { header } from './widgets/header.ts';

/** Rows that the header, the two rules and the footer take. */
const CHROME = 4;

/** One whole picture. `extent` says how long the thing that scrolls is and how much of it is shown. */
export interface Frame {
  readonly lines: readonly Line[];
  readonly extent?: { readonly rows: number; readonly visible: number };
}

/**
 * Draws everything: exactly `rows - 1` rows, none wider than `cols - 1`. One row is left free because a frame as tall
 * as the terminal makes Ink clear the operator's scrollback at every picture; one column because Ink ends a row with
 * "erase to the end", which on real terminals takes the letter in the last column with it.
 */
export function frame(terminal: Model): Frame {
  const model = { ...terminal, cols: terminal.cols - 1 };
  const height = Math.max(1, model.rows - 1);
  if (isTooSmall(terminal)) return { lines: finish(tooSmall(terminal), model, height) };
  const rows = height - CHROME;
  const rule = line(span('─'.repeat(model.cols), 'dim'));
  const { lines, extent } = body(model, rows);
  const all = [header(model), rule, ...fill(lines, rows), rule, footer(model)];
  const drawn = finish(all, model, height);
  return extent === undefined ? { lines: drawn } : { lines: drawn, extent };
}

/**
 * The new picture with the old one's rows where they look the same, or the old one itself where all do: what did not
 * change costs no rendering. Most refreshes change nothing, and the clock changes one row.
 */
export function reusing(old: Frame, drawn: Frame): Frame {
  const lines = drawn.lines.map((row, i) => {
    const before = old.lines[i];
    return before !== undefined && isSameLine(before, row) ? before : row;
  });
  const isSame =
    lines.length === old.lines.length &&
    lines.every((row, i) => row === old.lines[i]) &&
    drawn.extent?.rows === old.extent?.rows &&
    drawn.extent?.visible === old.extent?.visible;
  return isSame ? old : { ...drawn, lines };
}

function finish(lines: readonly Line[], model: Model, height: number): readonly Line[] {
  return fill(lines, height).map((row) => cutLine(row, model.cols));
}

function body(model: Model, rows: number): Frame {
  const { ui } = model;
  if (ui.consent !== null) {
    const dialog = dialogOf(ui.consent, model);
    const visible = dialogRoom(dialog, rows);
    return { lines: drawDialog(dialog, ui.consent, model, rows), extent: { rows: dialog.body.length, visible } };
  }
  if (ui.palette !== null) return { lines: paletteView(model, ui.palette, rows) };
  if (ui.tour !== null) {
    const said = tourLines(ui.tour, model);
    return { lines: [...fill(viewLines(model, rows - said.length), rows - said.length), ...said] };
  }
  if (ui.help) return scrolled(helpLines(model), ui.scroll, rows);
  if (ui.asking !== null) return { lines: probeView(model, rows) };
  const opened = ui.open === null ? null : openedLines(model, ui.open);
  return opened === null ? { lines: viewLines(model, rows) } : scrolled(opened, ui.scroll, rows);
}

/** One thing in full, however long; null where this view opens nothing. */
function openedLines(model: Model, id: string): readonly Line[] | null {
  switch (model.ui.view) {
    case 'incidents':
      return incidentLines(model);
    case 'hosts':
      return hostLines(model, id);
    case 'playbooks':
      return playbookLines(model, id);
    case 'audit':
      return auditLines(model, id);
    case 'eval':
      return caseLines(model, id);
    case 'doctor':
      return checkLines(model, id);
    case 'automation':
      return rememberedLines(model, id);
    case 'policy':
      return null;
    default:
      return model.ui.view satisfies never;
  }
}

function viewLines(model: Model, rows: number): readonly Line[] {
  switch (model.ui.view) {
    case 'incidents':
      return incidentsView(model, rows);
    case 'hosts':
      return hostsView(model, rows);
    case 'playbooks':
      return playbooksView(model, rows);
    case 'policy':
      return policyView(model, rows);
    case 'audit':
      return auditView(model, rows);
    case 'automation':
      return automationView(model, rows);
    case 'eval':
      return evaluationView(model, rows);
    case 'doctor':
      return doctorView(model, rows);
    default:
      return model.ui.view satisfies never;
  }
}

function scrolled(lines: readonly Line[], scroll: number, rows: number): Frame {
  const start = Math.max(0, Math.min(scroll, lines.length - rows));
  const extent = { rows: lines.length, visible: rows };
  const below = lines.length - start - rows;
  if (below <= 0) return { lines: lines.slice(start, start + rows), extent };
  const more = line(span(` ↓ ${below + 1} more`, 'dim'));
  return { lines: [...lines.slice(start, start + rows - 1), more], extent };
}

function tooSmall(model: Model): readonly Line[] {
  const need = `need ${SMALLEST.cols}x${SMALLEST.rows}, have ${model.cols}x${model.rows}`;
  return [
    EMPTY,
    line(' ', span('The terminal is too small', 'strong')),
    line(` ${need}`),
    EMPTY,
    line(span(' q quits', 'dim')),
  ];
}
