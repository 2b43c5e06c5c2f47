import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cutLine, fitLine, lineWidth, span } from '../../tui/line.ts';
import { safeText } from '../../tui/safe-text.ts';
import { toAscii } from '../../tui/theme.ts';
import { cut, fit, head, widthOf, wrap } from '../../tui/width.ts';

const test = suite('safe text');

// The measure that Ink itself lays out with, found from where Ink stands.
const beside = createRequire(import.meta.resolve('ink'));
const { default: inkWidth } = (await import(pathToFileURL(beside.resolve('string-width')).href)) as {
  default: (text: string) => number;
};

const HOSTILE = [
  '\x1b]0;owned\x07',
  '\x1b]52;c;cm0gLXJmIC8K\x07',
  '\x1b[2J\x1b[3J',
  '\x1b[31mred',
  '\x9b31m',
  '\u202egnp.exe',
  '\u2066a\u2069',
  'a\u200bb\u200db\ufeff',
  'one\rtwo',
  'tab\tnew\nline',
  '\u00ad\u034f\u115f\u3164\uffa0',
  '\ud800',
  'e\u0301\u0301\u0301\u0301\u0301',
  '\u{e0041}\u{1f1e6}\u{1f1e7}',
  '\u2028\u2029',
  '\ue000',
];
const remote = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.array(fc.constantFrom(...HOSTILE, 'plant3', ' ', '世界', '😀'), { maxLength: 6 }).map((parts) => parts.join('')),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('utf8')),
);

const FORBIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;

test('no control, direction or zero-width code point comes out', () => {
  void fc.assert(
    fc.property(remote, (text) => {
      const out = safeText(text);
      assert.not.ok(FORBIDDEN.test(out), JSON.stringify(out));
      assert.is(safeText(out), out, 'safe text is left as it is');
    }),
    { numRuns: 2_000 },
  );
});

test('each hostile sample shows that something was there', () => {
  for (const text of HOSTILE) assert.not.ok(FORBIDDEN.test(safeText(text)), JSON.stringify(text));
  assert.is(safeText('\x1b]52;c;eA==\x07'), '\ufffd]52;c;eA==\ufffd');
  assert.is(safeText('evil\u202egnp'), 'evil\ufffdgnp');
  assert.is(safeText('one\rtwo\tthree'), 'one two three');
});

test('a line of a megabyte costs no more than a screen of it', () => {
  assert.ok(safeText('\x1b[2J'.repeat(300_000)).length < 10_000);
});

test('our columns are those of the measure that Ink lays out with', () => {
  void fc.assert(
    fc.property(remote, (text) => {
      const out = safeText(text);
      assert.is(widthOf(out), inkWidth(out), JSON.stringify(out));
    }),
    { numRuns: 2_000 },
  );
});

test('cutting keeps to the columns, filling reaches them', () => {
  void fc.assert(
    fc.property(remote, fc.nat(30), (text, columns) => {
      const out = safeText(text);
      assert.ok(widthOf(head(out, columns)) <= columns);
      assert.ok(widthOf(cut(out, columns)) <= columns);
      assert.is(widthOf(fit(out, columns)), columns);
      assert.is(widthOf(fit(out, columns, 'right')), columns);
      assert.is(lineWidth(fitLine([span(text), span('世界'), span(text)], columns)), columns);
      assert.ok(lineWidth(cutLine([span(text), span(text)], columns)) <= columns);
    }),
  );
});

test('wrapping loses nothing but blanks and keeps to the columns', () => {
  void fc.assert(
    fc.property(remote, fc.integer({ min: 2, max: 30 }), (text, columns) => {
      const out = safeText(text);
      const rows = wrap(out, columns);
      for (const row of rows) assert.ok(widthOf(row) <= columns, JSON.stringify(row));
      assert.is(rows.join('').replaceAll(' ', ''), out.replaceAll(' ', ''));
    }),
  );
});

test('where the locale is not UTF-8 only ASCII comes out, in as many columns', () => {
  void fc.assert(
    fc.property(remote, (text) => {
      const out = toAscii(safeText(text), widthOf);
      assert.match(out, /^[\x20-\x7e]*$/);
    }),
  );
  assert.is(toAscii('▌ café 世 │ ─', widthOf), '> caf? ?? | -');
});

test.run();
