/** How long a job waits for what. Times in milliseconds; tests hand the object smaller ones. */
export interface JobTiming {
  /** A runner of a step reports at least this often. */
  heartbeat: number;
  /** A runner silent for this long is taken for dead: its step may be run by another. */
  lease: number;
  /** No sign of life for this long: outstanding messages are sent again (local queues live in memory). */
  idle: number;
  /** The wait doubles with every fruitless re-send, up to this. */
  idleMax: number;
  /** Fruitless re-sends after which the job fails: about an hour, since a busy queue also looks idle. */
  resends: number;
  /** A queued job looks this often whether its turn has come, in case the dispatch was lost. */
  queued: number;
  /** An end that could not be written to the control row is written again after this. */
  settle: number;
  /** Progress events are at least this far apart; it doubles every `eventsPerDoubling` events, so logs stay bounded. */
  event: number;
  eventMax: number;
  eventsPerDoubling: number;
  /** Counters reach the control row at least this far apart; a change of stage is written at once. */
  record: number;
  /** Listeners of a silent job are asked about this often: revoked means closed within a second. */
  recheck: number;
  /** How long an ended job and its log can be read. */
  keep: number;
}

export const JOB_TIMING: JobTiming = {
  heartbeat: 4_000,
  lease: 12_000,
  idle: 15_000,
  idleMax: 600_000,
  resends: 10,
  queued: 20_000,
  settle: 2_000,
  event: 250,
  eventMax: 16_000,
  eventsPerDoubling: 2_000,
  record: 1_000,
  recheck: 700,
  keep: 7 * 24 * 3_600_000,
};
