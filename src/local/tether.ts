/**
 * Preloaded into wrangler by `npm start`: when the process that started it is gone, however it died, the runtime ends
 * too, so that no orphan keeps the port and the state directory.
 */
process.channel?.unref();
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
