/**
 * Runs `stop` once, then exits 0: on SIGINT, SIGTERM or SIGHUP, and when `npm`, which started us, is gone without a
 * signal (killed), because then nobody is left who could end the server.
 */
export function stopWithParent(stop: () => Promise<unknown>): void {
  let stopping = false;
  const end = () => {
    if (stopping) return;
    stopping = true;
    stop().then(
      () => process.exit(0),
      (error) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) end();
  }, 1_000).unref();
}
