import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PATIENCE_MS } from '../e2e/site.ts';
import { Screen } from '../tui/screen.ts';
import { hasCommand, needsPackages } from './debian.ts';
import { type Block, blocksOf, CHECKOUT } from './doc-blocks.ts';
import { DocShell, type Ran } from './doc-shell.ts';

/** Every block of docs/tutorial.md, in its order, word for word: the commands by one bash, the keys on a real terminal. */
const test = suite('tutorial');
test.before(() => needsPackages(['iproute2', 'util-linux'], () => hasCommand('ip') && hasCommand('unshare')));

/** Longer than a dialog settles. */
const SETTLES_MS = 450;
/** Slower than a paste: every letter that is typed into a dialog comes by itself. */
const LETTER_MS = 60;

/** What each line of keys must lead to on the screen. */
const SHOWS: readonly RegExp[] = [
  /filter quota/,
  /esc clears/,
  /incidents › .*uota: spool/,
  /approve on /,
  /included by you/,
  /name: ▌/,
  /name: web-1/,
  /Signed/,
];

const KEYS: Readonly<Record<string, string>> = { enter: '\r', 'ctrl-c': '\x03' };

/** Presses the keys of a block, one line after the other, each when the screen shows what the one before has led to. */
async function press({ code }: Block, screen: Screen): Promise<void> {
  const lines = code.split('\n').map((line) => line.split(/ {2,}/)[0] ?? '');
  assert.is(lines.at(-1), 'ctrl-c');
  assert.is(lines.length, SHOWS.length + 1, 'a key that is not looked at');
  await screen.until((text) => /quota/.test(text) && /waiting for you/.test(text), PATIENCE_MS);
  for (const [i, line] of lines.slice(0, -1).entries()) {
    await sleep(SETTLES_MS);
    for (const key of KEYS[line] === undefined ? line : [KEYS[line]]) {
      screen.type(key);
      await sleep(LETTER_MS);
    }
    await screen.until((text) => (SHOWS[i] ?? /^$/).test(text), PATIENCE_MS);
  }
  screen.type(KEYS['ctrl-c'] ?? '');
  await screen.ended(PATIENCE_MS);
  assert.is(screen.exit?.code, 0);
}

/** What blocks must have said, by a word of their command. */
const SAYS: readonly (readonly [command: RegExp, said: RegExp])[] = [
  [/^sentinel enroll --list/m, /^web-1 +online +certificate until/m],
  [/^sentinel doctor/m, /^ok {2}site +tutorial, roster version 1.*operators?$/m],
  [/grep -q 'nothing was changed'/, /dry_run[\s\S]*\nfull\.tmp$/m],
  [/^sentinel audit verify/m, /^2 approvals, each signed/m],
  [/^sentinel explain/m, /^E_AUDIT_ROLLBACK\n/m],
  [/^sentinel halt --status/m, /halted/],
];

test('every command and every key of the page does what is written there', async () => {
  const home = mkdtempSync('/var/tmp/sentinel-test-tutorial-');
  const folder = join(home, 'sentinel-tutorial');
  const shell = new DocShell(home, CHECKOUT);
  let screen: Screen | undefined;
  const seen = new Set<RegExp>();
  try {
    for (const block of blocksOf('docs/tutorial.md', ['sh', 'keys'])) {
      if (block.language === 'keys') {
        const env = {
          PATH: `${home}/.local/bin:${process.env['PATH']}`,
          HOME: home,
          XDG_STATE_HOME: join(home, 'state'),
        };
        screen = new Screen(join(home, '.local/bin/sentinel'), ['tui', '--state', 'hub'], {
          cols: 120,
          rows: 40,
          cwd: folder,
          env,
        });
        await press(block, screen);
        continue;
      }
      const { said, failed }: Ran = await shell.run(block.code);
      // The machine's own disk may be a finding of the doctor's; and a site that is halted is said by the exit code too.
      assert.equal(
        failed.filter((command) => !/^sentinel (?:doctor|halt --status)/.test(command)),
        [],
        `${block.heading}: ${block.code}\n${said}`,
      );
      for (const [command, words] of SAYS) {
        if (!command.test(block.code)) continue;
        assert.match(said, words, block.code);
        seen.add(command);
      }
      if (/^ls spool/m.test(block.code) && /resolved/.test(block.code))
        assert.is(said.includes('full.tmp'), false, said);
    }
    assert.is(seen.size, SAYS.length, 'a command that the page had is gone');
    assert.not.ok(existsSync(folder), 'the page clears up after itself');
  } catch (error) {
    throw Object.assign(error instanceof Error ? error : new Error(String(error)), {
      message: `${String(error)}\n${shell.output}`,
    });
  } finally {
    screen?.close();
    await shell.close();
    rmSync(home, { recursive: true, force: true });
  }
});

test.run();
