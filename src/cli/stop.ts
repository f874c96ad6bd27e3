let stopping: AbortController | null = null;

/**
 * A signal that is aborted by Ctrl-C, SIGTERM, SIGHUP, or when nobody reads the output any more: for commands that have
 * something to end. A second Ctrl-C ends the process at once.
 */
export function stopSignal(): AbortSignal {
  if (stopping) return stopping.signal;
  const controller = new AbortController();
  stopping = controller;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      if (controller.signal.aborted && signal === 'SIGINT') process.exit(1);
      controller.abort();
    });
  return controller.signal;
}

/** Ends quietly when the reader of the output does, as `head` does when it has its lines. */
export function endWithReader(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: Error & { code?: string }) => {
      if (error.code !== 'EPIPE') throw error;
      if (stopping) stopping.abort();
      else process.exit();
    });
}
