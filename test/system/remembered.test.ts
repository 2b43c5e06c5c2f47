import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Site } from '../e2e/site.ts';

/** An approval that is remembered, with hub and agent as they run at a site, and driven as an operator does. */
const test = suite('remembered approvals');

test('what was approved once runs again with nobody there, is counted, and stops when it is revoked', async () => {
  const site = new Site();
  try {
    await site.startHub('--live');
    await site.startAgent('--live');
    site.fill();
    const first = await site.reaches('proposed');
    const approve = (...more: string[]) =>
      site.sentinel('incident', 'approve', first.id, '--reviewed', 'all', '--yes', ...more);
    const longer = await approve('--remember', '32');
    assert.equal([longer.code, /1 to 31 days/.test(longer.stderr)], [2, true], longer.stderr);
    const wide = await approve('--remember', '7', '--on', '*');
    assert.is(wide.code === 0, false);
    assert.match(wide.stderr, /E_ACT_REMEMBER.*named one by one/);
    const approved = await approve('--remember', '7');
    assert.is(approved.code, 0, approved.stderr);
    assert.match(approved.stdout, /to be remembered:\n.*approves for .*\n.*folder-full/);
    const [, id = ''] = /remembered as ([0-9A-Z]{26})/.exec(approved.stdout) ?? [];
    await site.until(() => site.incidents()[0]?.state === 'resolved', 'the first to be resolved');

    site.fill();
    const again = await site.until(
      () => site.incidents().find((one) => one.id !== first.id && one.state === 'resolved'),
      'the second to be resolved with nobody asked',
    );
    assert.equal([again.approval?.alone, again.approval?.remembered], [true, id]);
    assert.is(site.runs('full'), 0, 'the files are really gone');
    const listed = await site.sentinel('automation', 'list', '--json');
    const [kept = ''] = listed.stdout.split('\n');
    const { state, uses, last } = JSON.parse(kept);
    assert.equal([state, uses, last.incident], ['active', 1, again.id]);

    const revoked = await site.sentinel('automation', 'revoke', id.slice(0, 20));
    assert.is(revoked.code, 0, revoked.stderr);
    assert.match((await site.sentinel('automation', 'list')).stdout, /revoked by/);
    site.fill();
    const third = await site.until(
      () => site.incidents().find((one) => ![first.id, again.id].includes(one.id) && one.route !== undefined),
      'the third to be sent its way',
    );
    assert.equal([third.state, third.approval, third.route?.code], ['proposed', null, 'no_rule']);
    const audit = await site.sentinel('audit', 'verify');
    assert.is(audit.code, 0, audit.stdout);
  } finally {
    await site.close();
  }
});

test.run();
