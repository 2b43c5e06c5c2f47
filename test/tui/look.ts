// Prints every view as text: node dist/test/tui/look.js [COLSxROWS]
process.env['CI'] = 'false';
process.env['NODE_ENV'] = 'production';
const { renderAt } = await import('./render-at.ts');
const { MemoryDesk } = await import('./memory-desk.ts');
const { DESTROYER, INCIDENT, QUIET, STATE } = await import('./recorded.ts');
const [cols = 120, rows = 40] = (process.argv[2] ?? '120x40').split('x').map(Number);
const env: Record<string, string> = process.argv[3] === 'ascii' ? { LANG: 'C' } : { LANG: 'C.UTF-8' };
async function show(keys: readonly string[], quiet = false, incident = INCIDENT) {
  const seen = renderAt(cols, rows, new MemoryDesk(quiet ? QUIET : STATE, quiet ? [] : [incident]), env);
  seen.press(...keys);
  console.log(`${await seen.text()}\n${'='.repeat(cols)} ${keys.join(' ')}`);
  seen.close();
}
await show([], true);
await show([]);
await show(['enter']);
await show(['enter', 'a', '3']);
await show(['enter', 'a', '2', 'y', 'p'], false, DESTROYER);
await show(['r']);
await show(['2']);
await show(['?']);
process.exit(0);
