import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lineLog } from '../../broker/log.ts';
import { RosterTeller } from '../../hub/site/tell-roster.ts';
import { until } from '../broker/site.ts';

const test = suite('telling of a roster');

test('a mesh that is away does not undo the roster: it is told again, the newest alone', async () => {
  const said: number[] = [];
  let isAway = true;
  const publish = async (_topic: string, message: Uint8Array) => {
    if (isAway) throw new Error('no broker');
    said.push(message[0] ?? 0);
  };
  const lines: string[] = [];
  const teller = new RosterTeller(
    { publish },
    lineLog('hub', (line) => lines.push(line)),
    1,
  );
  await teller.tell(new Uint8Array([1]));
  await teller.tell(new Uint8Array([2]));
  isAway = false;
  await until('it is told', () => said.length > 0);
  await teller.tell(new Uint8Array([3]));
  assert.equal(said, [2, 3]);
  assert.match(lines.join('\n'), /not told/);
  teller.stop();
});

test.run();
