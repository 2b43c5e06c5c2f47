/** Lives just long enough to be seen, and dies with an error. */
const LIFE_MS = 600;

process.title = 'crash-worker';
setTimeout(() => process.exit(1), LIFE_MS);
