import { rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Journal } from '../../agent/journal.ts';
import { ulid } from '../../broker/ulid.ts';
import { tempFolder } from '../broker/site.ts';

/** What an agent remembers of plans that ran with nobody there, which it counts by itself. */
const test = suite('an agent’s budget of an hour');

const HOUR_MS = 3_600_000;
const act = fc.record({
  kind: fc.constantFrom('plan' as const, 'plan', 'again', 'steps', 'time', 'clock', 'boot', 'restart'),
  amount: fc.integer({ min: 1, max: HOUR_MS }),
});

test('it is never exceeded, whatever the order of plans, hours, boots, restarts and jumps of a clock', () => {
  const { path, done } = tempFolder();
  const file = join(path, 'journal.jsonl');
  void fc.assert(
    fc.property(fc.array(act, { maxLength: 40 }), fc.integer({ min: 1, max: 4 }), (acts, perHour) => {
      rmSync(file, { force: true });
      let journal = new Journal(file);
      /** What really passes; `up` is what the machine says of it, `clock` what its clock is off by. */
      const world = { real: 0, up: 5_000, clock: 0 };
      const ran: { readonly at: number; readonly plan: string }[] = [];
      const begins = (plan: string, number: number): boolean => {
        if (journal.aloneWithin(HOUR_MS, world.up, plan) >= perHour) return false;
        journal.begin({ approval: plan, phase: 'step', number }, world.real + world.clock, { alone: world.up });
        return true;
      };
      try {
        for (const { kind, amount } of acts) {
          if (kind === 'plan') {
            const plan = ulid();
            if (begins(plan, 1)) ran.push({ at: world.real, plan });
          } else if (kind === 'again' || kind === 'steps') {
            // One that has begun goes on, and counts once, as of its beginning.
            const plan = ran.at(-1)?.plan;
            if (plan !== undefined) begins(plan, kind === 'again' ? 1 : 2);
          } else if (kind === 'time') {
            world.real += amount;
            world.up += amount;
          } else if (kind === 'clock') world.clock += (amount % 2 === 0 ? 50 : -50) * amount;
          else if (kind === 'boot') {
            world.real += amount;
            world.up = Math.floor(amount / 2);
          }
          if (kind === 'boot' || kind === 'restart') {
            journal.close();
            journal = new Journal(file);
          }
          const within = ran.filter(({ at }) => at > world.real - HOUR_MS);
          assert.ok(within.length <= perHour, `${within.length} of ${perHour}`);
        }
      } finally {
        journal.close();
      }
    }),
    { numRuns: 30 },
  );
  done();
});

test('after an hour of the machine’s own time it is there again', () => {
  const { path, done } = tempFolder();
  const journal = new Journal(join(path, 'journal.jsonl'));
  journal.begin({ approval: ulid(), phase: 'step', number: 1 }, 1_000, { alone: 10_000 });
  const spent = (up: number) => journal.aloneWithin(HOUR_MS, up, 'another');
  assert.equal([spent(10_000), spent(10_000 + HOUR_MS - 1), spent(10_000 + HOUR_MS)], [1, 1, 0]);
  journal.close();
  done();
});

test.run();
