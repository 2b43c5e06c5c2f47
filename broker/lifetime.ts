/**
 * Resolves when this process should end: at the signal, or when the parent that started it with an IPC channel is
 * gone, so that nothing is left behind by a `sentinel up` that was killed.
 */
export function untilStopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted || (process.channel === undefined && process.send !== undefined)) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
    process.once('disconnect', () => resolve());
  });
}
