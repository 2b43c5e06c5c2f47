import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openRule } from '../../broker/automation-rule.ts';
import { readRoster, readSite } from '../../broker/enroll.ts';
import { readAudit } from '../../hub/chain/audit.ts';
import { Screen } from '../tui/screen.ts';
import { FRONT_DOOR, PATIENCE_MS, Site } from './site.ts';

const test = suite('--auto-approve');

test('the rule is shown, signed and in the chain; what needs consent waits for a person all the same', async () => {
  const site = new Site();
  try {
    await site.startHub('--live', '--auto-approve', 'allow-only');
    assert.match(site.log, /run with nobody there.*confidence=0\.9 per_host_hour=4/);
    await site.startAgent('--live');
    site.fill();
    const { id } = await site.reaches('proposed');
    const routed = await site.until(() => site.incidents().find((one) => one.id === id && one.route), 'its way');
    assert.equal([routed.state, routed.route?.code, routed.approval], ['proposed', 'not_all_allow', null]);
    const records = [...(site.reader()?.audit.getRange({}) ?? [])].map(({ value }) => readAudit(value));
    const rule = records.find(({ kind }) => kind === 'hub.started')?.data['rule'] as Parameters<typeof openRule>[0];
    const { roster } = readRoster(site.state, readSite(site.state));
    const { by, site: of } = openRule(rule, roster);
    assert.equal([by, of], [readSite(site.state).localOperator, 'local']);
  } finally {
    await site.close();
  }
});

test('the screen of up says that plans run with nobody asked', async () => {
  const site = new Site();
  const argv = [FRONT_DOOR, 'up', '--live', '--auto-approve', 'allow-only', '--port', '0', '--state', site.state.root];
  const screen = new Screen(process.execPath, argv, { cols: 120, rows: 40 });
  try {
    await screen.until((text) => /LIVE: plans whose every command is allowed run/.test(text), PATIENCE_MS);
    screen.type('\x03');
    await screen.ended(PATIENCE_MS);
    assert.is(screen.exit?.code, 0, screen.text());
  } finally {
    screen.close();
    await site.close();
  }
});

test('nothing but allow-only is a word for it', async () => {
  const site = new Site();
  try {
    const { code, stderr } = await site.sentinel('hub', '--auto-approve', 'all');
    assert.is(code, 2);
    assert.match(stderr, /takes allow-only, and nothing else/);
  } finally {
    await site.close();
  }
});

test.run();
