import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Screen } from '../tui/screen.ts';
import { FRONT_DOOR, kill, PATIENCE_MS, Site } from './site.ts';

const journey = suite('two screens over one hub');

/** Longer than a dialog settles. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 450));

journey(
  'two operators at one plan see each other; one approves and has it remembered, the other signs nothing, revokes it and rejects the next; the hub goes and comes',
  async () => {
    const site = new Site();
    const screens: Screen[] = [];
    const screen = (...flags: string[]): Screen => {
      const argv = [FRONT_DOOR, 'tui', '--state', site.state.root, ...flags];
      const one = new Screen(process.execPath, argv, { cols: 120, rows: 40, cwd: site.dir });
      screens.push(one);
      return one;
    };
    const open = async (one: Screen) => {
      await one.until((text) => /folder over its quota/.test(text), PATIENCE_MS);
      one.type('/quota\r');
      await one.until((text) => /esc clears/.test(text), PATIENCE_MS);
      one.type('\r');
      await one.until((text) => /incidents › .*quota/.test(text), PATIENCE_MS);
    };
    try {
      await site.startHub('--live');
      await site.startAgent('--live');
      site.fill();
      const proposed = await site.reaches('proposed');
      const first = screen();
      const second = screen();
      const viewer = screen('--readonly');
      for (const one of [first, second, viewer]) await open(one);
      await first.until((text) => /also here/.test(text), PATIENCE_MS);
      viewer.type('a');
      await viewer.until((text) => /this screen only looks/.test(text), PATIENCE_MS);
      for (const one of [first, second]) {
        one.type('a');
        await one.until((text) => /approve on /.test(text) && /too: who is first decides/.test(text), PATIENCE_MS);
      }
      await settled();
      first.type('1');
      await first.until((text) => /included by you/.test(text), PATIENCE_MS);
      await settled();
      first.type('m');
      await first.until(
        (text) => /REMEMBERED for 7 days/.test(text) && text.includes(`approves for ${site.agent} until`),
        PATIENCE_MS,
      );
      await settled();
      for (const page of ['\x1b[6~', '\x1b[6~']) {
        first.type(page);
        await settled();
      }
      first.type('Y');
      await first.until((text) => /name: ▌/.test(text), PATIENCE_MS);
      await settled();
      for (let length = 1; length <= site.agent.length; length++) {
        await new Promise((resolve) => setTimeout(resolve, 60));
        first.type(site.agent.slice(length - 1, length));
        await first.until((text) => text.includes(`name: ${site.agent.slice(0, length)}`), PATIENCE_MS);
      }
      await settled();
      first.type('Y');
      await first.until((text) => /Signed, and remembered until/.test(text), PATIENCE_MS);
      await second.until((text) => /The plan changed while this was open/.test(text), PATIENCE_MS);
      await settled();
      second.type('y');
      await second.until((text) => /read it again/.test(text), PATIENCE_MS);
      const resolved = await site.reaches('resolved');
      assert.is(resolved.id, proposed.id);
      const approvals = resolved.timeline.filter(({ state }) => state === 'approved');
      assert.is(approvals.length, 1, 'one approval, by whoever was first');
      second.type('6');
      await second.until((text) => /approvals that are remembered/.test(text) && /ran 0 times/.test(text), PATIENCE_MS);
      second.type('r');
      await second.until((text) => /revoke what is remembered/.test(text) && /Keep it/.test(text), PATIENCE_MS);
      await settled();
      second.type('y');
      await second.until((text) => !/approvals that are remembered/.test(text) && /Revoked/.test(text), PATIENCE_MS);
      site.fill();
      await site.reaches('proposed');
      second.type('1');
      await second.until((text) => /waiting for you/.test(text), PATIENCE_MS);
      second.type('/quota\r');
      await second.until((text) => /esc clears/.test(text) && /waiting for you/.test(text), PATIENCE_MS);
      second.type('g');
      second.type('r');
      await second.until((text) => /reject on /.test(text), PATIENCE_MS);
      await settled();
      second.type('\r');
      await second.until((text) => /the plan still waits/.test(text), PATIENCE_MS);
      second.type('r');
      await second.until((text) => /reject on /.test(text), PATIENCE_MS);
      await settled();
      second.type('y');
      await second.until((text) => /Rejected: nothing of it runs/.test(text), PATIENCE_MS);
      const rejected = await site.reaches('rejected');
      assert.equal([rejected.orders, rejected.id === resolved.id], [[], false]);
      if (site.hub) await kill(site.hub, 'SIGKILL');
      await second.until((text) => /HUB DOWN/.test(text), PATIENCE_MS);
      second.type('5');
      await second.until((text) => /plan\.approved|order\.|incident\./.test(text), PATIENCE_MS);
      await site.startHub('--live');
      await second.until((text) => !/HUB DOWN/.test(text), PATIENCE_MS);
      for (const one of screens) {
        one.type('\x03');
        await one.ended(PATIENCE_MS);
        assert.is(one.exit?.code, 0);
        assert.not.ok(one.alternate, 'the alternate screen is left');
      }
    } finally {
      for (const one of screens) one.close();
      await site.close();
    }
  },
);

journey.run();
