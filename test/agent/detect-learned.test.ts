import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Learner } from '../../agent/detect/learner.ts';
import { alerts, backup, DAY, dice, HOUR, NOISE, type Series, WANDERING, wave } from './detect-series.ts';

const SEEDS = [1, 2, 3];
const promises = suite('detect: promises at 30 s');

/** A week of one series, then another from `at` on; the alerts since then, in seconds after it. */
function after(before: Series, then: Series, hours: number, at = 7 * DAY + 5_000): number[] {
  const said = alerts((t) => (t < at ? before(t) : then(t)), at + hours * HOUR);
  return said.filter(({ t }) => t >= at).map(({ t }) => t - at);
}

for (const from of [0, 3, 20]) {
  promises(`a nightly backup is quiet for two weeks, learned from ${from}:00 on`, () => {
    for (const seed of SEEDS) assert.equal(alerts(backup(dice(seed)), 14 * DAY, from * HOUR), []);
  });
}

promises('a backup that starts up to half an hour late, or an hour earlier in summer, is quiet', () => {
  for (const seed of SEEDS) {
    const disk = backup(dice(seed));
    const late = (t: number) =>
      disk(Math.floor(t / DAY) * DAY + Math.max(0, (t % DAY) - ((Math.floor(t / DAY) * 977) % 1_800)));
    assert.equal(alerts(late, 14 * DAY), []);
    assert.equal(
      alerts((t) => disk(t > 10 * DAY ? t + HOUR : t), 14 * DAY),
      [],
    );
  }
});

promises('a weekly backup is said the first time, and never again', () => {
  const { normal } = dice(5);
  const disk = (t: number) => 71 + (Math.floor(t / DAY) % 7 === 6 && t % DAY < HOUR ? 21 : 0) + 0.3 * normal();
  const said = alerts(disk, 35 * DAY);
  assert.is(said.length, 1);
  assert.ok((said[0]?.t ?? 0) < 7 * DAY);
});

for (const nights of [3, 7, 14]) {
  promises(`a backup that never ends after ${nights} nights is said within two hours of its start`, () => {
    for (const seed of SEEDS) {
      const rolls = dice(seed);
      const disk = backup(rolls);
      const [first = Number.POSITIVE_INFINITY] = after(
        disk,
        (t) => Math.min(92, 71 + 21 * Math.min(1, ((t % DAY) - 7_200) / 600)) + 0.3 * rolls.normal(),
        6,
        nights * DAY + 2 * HOUR,
      );
      assert.ok(first > 1_800, 'the usual length of it is quiet');
      assert.ok(first <= 2 * HOUR, `${first} s`);
    }
  });
}

const disks: Readonly<Record<string, (seed: number) => (t: number) => number>> = {
  'with much noise': (seed) => {
    const { normal } = dice(seed);
    return () => 72.3 + 4.8 * normal();
  },
  'with little noise': (seed) => {
    const { normal } = dice(seed);
    return () => 72.3 + normal();
  },
  'with a daily wave': (seed) => {
    const { normal } = dice(seed);
    return (t) => 72.3 + wave(t, 6.8) + normal();
  },
  'with a nightly backup': (seed) => backup(dice(seed)),
};
for (const [kind, make] of Object.entries(disks)) {
  promises(`growth of 10 % an hour is seen 1.5 h before full, ${kind}`, () => {
    for (const seed of SEEDS) {
      const disk = make(seed);
      for (const hour of [9, 15]) {
        const at = 7 * DAY + hour * HOUR;
        const full = 2.77 * HOUR;
        const [first = Number.POSITIVE_INFINITY] = after(
          disk,
          (t) => Math.min(100, disk(t) + (10 * (t - at)) / HOUR),
          4,
          at,
        );
        assert.ok(full - first >= 1.5 * HOUR, `${((full - first) / HOUR).toFixed(2)} h`);
      }
    }
  });
}

promises('a pinned pool is said within five minutes', () => {
  for (const seed of SEEDS) {
    const { normal } = dice(seed);
    const pools: Series[] = [
      () => 42.3 + 8.4 * normal(),
      (t) => 42.3 + wave(t, 12) + 3 * normal(),
      () => 42 + normal(),
    ];
    for (const pool of pools) assert.ok((after(pool, () => 98, 1)[0] ?? Number.POSITIVE_INFINITY) <= 300);
  }
});

promises('a disk of 72.3 % and a spread of 4.8 that goes to 94.8 % is said within five minutes', () => {
  for (const seed of SEEDS) {
    const { normal } = dice(seed);
    const said = after(
      () => 72.3 + 4.8 * normal(),
      () => 94.8,
      1,
    );
    assert.ok((said[0] ?? Number.POSITIVE_INFINITY) <= 300);
  }
});

promises(
  'an outlier in what was learned blinds nothing: an hour of trouble in two weeks hides no trouble of today',
  () => {
    for (const seed of SEEDS) {
      const { normal } = dice(seed);
      const bad = (t: number) => t >= 3 * DAY + 14 * HOUR && t < 3 * DAY + 15 * HOUR;
      const before = (t: number) => (bad(t) ? 95 : 30 + normal());
      const said = after(before, () => 80, 1, 14 * DAY + 4 * HOUR);
      assert.ok((said[0] ?? Number.POSITIVE_INFINITY) <= 300, `${said[0]} s`);
    }
  },
);

promises('a step of a flat metric is said within five minutes', () => {
  for (const [from, to] of [
    [50, 60],
    [50, 40],
    [0, 1],
    [1, 0],
    [1e9, 2e9],
  ] as const) {
    assert.ok(
      (after(
        () => from,
        () => to,
        1,
      )[0] ?? Number.POSITIVE_INFINITY) <= 300,
      `${from} to ${to}`,
    );
  }
  assert.equal(
    after(
      () => 50,
      () => 50.1,
      24,
    ),
    [],
    'a five-hundredth is nothing',
  );
});

promises('a leak of 0.5 an hour is said within 4 h, on a daily wave of 20 within 16 h', () => {
  for (const seed of SEEDS) {
    const { normal } = dice(seed);
    const at = 7 * DAY + 5_000;
    const leak = (t: number) => (0.5 * (t - at)) / HOUR;
    const level = () => 50 + normal();
    assert.ok((after(level, (t) => level() + leak(t), 10)[0] ?? Number.POSITIVE_INFINITY) <= 4 * HOUR);
    const daily = (t: number) => 50 + wave(t, 10) + normal();
    assert.ok((after(daily, (t) => daily(t) + leak(t), 30)[0] ?? Number.POSITIVE_INFINITY) <= 16 * HOUR);
  }
});

promises('single samples and gaps are not incidents', () => {
  for (const seed of SEEDS) {
    const { uniform, normal } = dice(seed);
    assert.equal(
      alerts(() => 30 + normal() + (uniform() < 0.005 ? 65 : 0), 14 * DAY),
      [],
    );
    const gone = (t: number) => (Math.floor(t / 5_400) * 7_919) % 7 === 0 || (t > 9 * DAY && t < 11 * DAY);
    assert.equal(
      alerts((t) => (gone(t) ? null : 40 + wave(t, 20) + 2 * normal()), 20 * DAY),
      [],
    );
  }
});

promises('the first day says nothing, whatever comes', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ noDefaultInfinity: true, noNaN: true }), { minLength: 10, maxLength: 200 }),
      (steps) => {
        assert.equal(
          alerts((t) => steps[Math.floor(t / 600) % steps.length] ?? 0, DAY),
          [],
        );
      },
    ),
    { numRuns: 30 },
  );
});

promises('a month of ordinary noise: at most 0.1 alerts a day of each kind, 0.05 of all', () => {
  const rates = Object.entries(NOISE).map(([kind, make]) => {
    const count = SEEDS.reduce((sum, seed) => sum + alerts(make(dice(seed * 77)), 30 * DAY).length, 0);
    const rate = count / (30 * SEEDS.length);
    assert.ok(rate <= 0.1, `${kind}: ${rate.toFixed(3)} a day`);
    return rate;
  });
  assert.ok(rates.reduce((sum, rate) => sum + rate, 0) / rates.length <= 0.05);
});

promises('noise that wanders for hours says at most one thing in five days', () => {
  for (const [kind, make] of Object.entries(WANDERING)) {
    const count = SEEDS.reduce((sum, seed) => sum + alerts(make(dice(seed * 77)), 30 * DAY).length, 0);
    assert.ok(count / (30 * SEEDS.length) <= 0.2, `${kind}: ${count} in ${30 * SEEDS.length} days`);
  }
});

promises('a sensitivity is obeyed', () => {
  const { normal } = dice(9);
  const values = Array.from(
    { length: (10 * DAY) / 30 },
    (_, i) => 50 + normal() + Math.max(0, i - (8 * DAY) / 30) / 800,
  );
  const first = (sensitivity: 'low' | 'medium' | 'high') =>
    alerts((t) => values[t / 30] ?? 0, 10 * DAY, 0, new Learner({ sensitivity }))[0]?.t ?? Number.POSITIVE_INFINITY;
  assert.ok(first('high') <= first('medium'));
  assert.ok(first('medium') < first('low'));
});

promises('where the end of a resource is known, growth towards it is said sooner', () => {
  const at = 7 * DAY + 9 * HOUR;
  const lead = (learner: Learner) => {
    const disk = backup(dice(3));
    return (
      alerts((t) => disk(t) + Math.max(0, (20 * (t - at)) / HOUR), at + HOUR, 0, learner).find(({ t }) => t > at)?.t ??
      Number.POSITIVE_INFINITY
    );
  };
  assert.ok(lead(new Learner({ full: 100 })) < lead(new Learner()));
});

promises.run();
