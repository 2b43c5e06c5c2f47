let outlives = false;

/**
 * For a commit that fails lmdb rejects promises that nobody was given, besides the one that `Store.write` waits for, which
 * tells all that there is to tell; some of them before it. Without this the thread would end by them. Every other
 * rejection still ends it.
 */
export function outliveFailedCommits(): void {
  if (outlives) return;
  outlives = true;
  process.on('unhandledRejection', (error) => {
    if (!isEcho(error)) throw error;
  });
}

/** The commit's own error has LMDB's or the system's number, and was made by lmdb; those of its writes point to it. */
function isEcho(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('commitError' in error) return true;
  return 'code' in error && Number.isInteger(error.code) && /[\\/]lmdb[\\/]/.test(error.stack ?? '');
}
