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

/** Waits for something that can't fail, but no longer than this. */
export async function within(ms: number, what: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([what, late]);
  clearTimeout(timer);
}
