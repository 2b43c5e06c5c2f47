import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ProcFiles } from '../../agent/sense/proc-files.ts';
import { ProcessList } from '../../agent/sense/process-list.ts';
import { ProcessesSense } from '../../agent/sense/processes.ts';
import { ProcTree } from './proc-tree.ts';

/** A recorded tree that is taken for the kernel's own: what changes in it without a mark is then not seen. */
class MarkedFiles extends ProcFiles {
  lists = 0;

  override get isLive(): boolean {
    return true;
  }

  override list(name: string): string[] {
    this.lists++;
    return super.list(name);
  }
}

const marks = (tasks: number, last: number) => ({ loadavg: `0.20 0.18 0.12 1/${tasks} ${last}\n` });
const stat = (pid: number, ticks = 0) => `${pid} (x) S 1 ${pid} 1 0 -1 0 0 0 0 0 ${ticks} 0 0 0 20 0 1 0 7 0 10 0\n`;

test('processes are listed when a task began or ended, and now and then', () => {
  const tree = new ProcTree({ ...marks(2, 9), '1/stat': stat(1), '9/stat': stat(9), 'sys/kernel/pid_max': '10\n' });
  const files = new MarkedFiles(tree.root);
  const list = new ProcessList(files);
  const numbers = () => [...list.read()].sort();
  assert.equal(numbers(), ['1', '9']);
  assert.equal(numbers(), ['1', '9']);
  assert.is(files.lists, 1);
  assert.is(list.tasks, 2);
  // The same number of tasks, and another number given last: one began and one ended.
  tree.write({ ...marks(2, 10), '10/stat': stat(10) });
  assert.equal(numbers(), ['1', '10', '9']);
  tree.write({ ...marks(3, 10) });
  numbers();
  assert.is(files.lists, 3);
  for (let i = 0; i < 4; i++) numbers();
  assert.is(files.lists, 4, 'whatever the marks say, every fourth time');
  list.miss();
  numbers();
  assert.is(files.lists, 5);
  tree.write({ loadavg: '\n' });
  numbers();
  numbers();
  assert.is(files.lists, 7, 'without marks each time');
  assert.ok(Number.isNaN(list.tasks));
  files.close();
  tree.remove();
});

test('who slept for long is read seldom, and what it does then is counted over all of that time', () => {
  const tree = new ProcTree({ ...marks(1, 7), '7/stat': stat(7), 'self/auxv': '' });
  const sense = new ProcessesSense(tree.files);
  const cpu = () => sense.rows()[0]?.cpu ?? Number.NaN;
  let now = 0;
  const sample = () => {
    now += 30_000;
    sense.sample(now);
  };
  for (let i = 0; i < 400; i++) sample();
  // It works from here on: 3 s of processor time in each 30 s.
  let seen = 0;
  for (let i = 1; i <= 8; i++) {
    tree.write({ '7/stat': stat(7, 300 * i) });
    sample();
    if (cpu() > 0 && seen === 0) {
      seen = i;
      assert.ok(cpu() > 0 && cpu() <= 10, `${cpu()}`);
    }
  }
  assert.ok(seen >= 1, 'within eight samples');
  assert.is(Math.round(cpu()), 10);
  sense.wakeAll();
  tree.write({ '7/stat': stat(7, 300 * 8 + 1_500) });
  sample();
  assert.is(Math.round(cpu()), 50, 'and at once when all are woken');
  tree.remove();
});

test.run();
