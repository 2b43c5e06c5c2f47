/** Works for a moment and ends without an error, as a program does that takes a lost connection for the end of its work. */
const LIFE_MS = 5_000;

process.title = 'workload-ended';
setTimeout(() => process.exit(0), LIFE_MS);
