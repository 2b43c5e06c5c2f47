/** A job that can not do its work this time. */
process.title = 'job-failed';
console.error('export: the archive did not answer, giving up');
process.exit(1);
