import type { Batch, JobHandle, JobProgress } from '../../platform/jobs/jobs.ts';
import type { Services } from '../../services.ts';
import type { JobRow } from '../../store/control-schema.ts';
import type { FoundRepo } from '../../store/repos.ts';
import type { BatchParser } from '../indexing/parser.ts';

/** What a step of a job works with: the services, the job's row, its live handle and the repo it is about. */
export interface StepContext {
  s: Services;
  job: JobRow;
  handle: JobHandle;
  scope: FoundRepo;
  parser: BatchParser;
  /** What `process` is to parse. */
  batch: Batch | undefined;
  /** Tells the job how far the step is. @throws JobStopped when the job is over and the step must end. */
  report(progress: JobProgress): Promise<void>;
}

/** The job was cancelled, has failed, or its repo is gone: the step ends quietly and leaves nothing behind. */
export class JobStopped extends Error {
  constructor() {
    super('the job is over');
    this.name = 'JobStopped';
  }
}

/** @throws JobStopped unless the answer says that the job goes on. */
export function mustBeActive(answer: { active: boolean }): void {
  if (!answer.active) throw new JobStopped();
}
