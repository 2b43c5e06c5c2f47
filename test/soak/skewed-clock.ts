// Preloaded into a hub (`--import`): its clock is ahead by so many milliseconds, or behind when negative. What it measures
// with `performance.now` and the machine's uptime stays as it is, as when somebody sets a clock.
const ahead = Number(process.env['SENTINEL_TEST_CLOCK_AHEAD_MS'] ?? 0);
const now = Date.now.bind(Date);
Date.now = () => now() + ahead;
