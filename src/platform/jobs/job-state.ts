/** What a Job object knows, and how reports change it. Pure: the object stores and sends what these functions answer. */
import {
  INDEXING_STAGES,
  type IndexingStage,
  type JobKind,
  type JobStatus,
  type Step,
} from '../../pipeline.ts';
import type { JobResult } from '../../store/control-schema.ts';
import type { BatchCounts, JobError, JobProgress } from './jobs.ts';

export interface JobSpec {
  id: string;
  kind: JobKind;
  repoKey: number;
  repoName: string;
  ref: string | null;
}

export type JobEnd =
  | { type: 'job.completed'; result: JobResult }
  | { type: 'job.failed'; error: JobError }
  | { type: 'job.cancelled'; reason: string };

export interface JobState {
  spec: JobSpec;
  status: JobStatus;
  /** The step whose messages are outstanding; null before the start and after the end. */
  step: Step | null;
  stage: IndexingStage;
  message: string;
  /** 0–100, never falling. */
  progress: number;
  filesTotal: number;
  filesProcessed: number;
  chunksTotal: number;
  chunksEmbedded: number;
  bytes: number;
  objects: number;
  objectsTotal: number;
  /** Reason → files, as far as known. */
  skipped: Record<string, number>;
  createdAt: number;
  startedAt: number | null;
  finishedAt: number | null;
  end: JobEnd | null;
  /** True once the control row carries the end and the terminal event is in the log. */
  settled: boolean;
  activityAt: number;
  resends: number;
  /** Times that publish found blobs missing and had them parsed again. */
  replans: number;
  eventAt: number;
  recordedAt: number;
  /** Something changed since the last event. */
  dirty: boolean;
}

export interface ProgressPayload {
  progress: number;
  message: string;
  stage: IndexingStage;
  filesProcessed: number;
  filesTotal: number;
  chunksTotal: number;
  chunksEmbedded: number;
  skipped: Record<string, number>;
  bytes: number;
  objects: number;
  objectsTotal: number;
}

export interface JobEvent {
  type: 'job.snapshot' | 'job.progress' | JobEnd['type'];
  seq: number;
  /** With `result` or `error` at an end, and `jobId`, `repo`, `ref`, `kind`, `status` in a snapshot. */
  payload: ProgressPayload;
}

export interface SnapshotPayload extends ProgressPayload {
  jobId: string;
  kind: JobKind;
  repo: string;
  ref: string | null;
  status: JobStatus;
}

export function newState(spec: JobSpec, now: number): JobState {
  return {
    spec,
    status: 'queued',
    step: null,
    stage: 'queued',
    message: 'Waiting for its turn',
    progress: 0,
    filesTotal: 0,
    filesProcessed: 0,
    chunksTotal: 0,
    chunksEmbedded: 0,
    bytes: 0,
    objects: 0,
    objectsTotal: 0,
    skipped: {},
    createdAt: now,
    startedAt: null,
    finishedAt: null,
    end: null,
    settled: false,
    activityAt: now,
    resends: 0,
    replans: 0,
    eventAt: 0,
    recordedAt: 0,
    dirty: false,
  };
}

/** Takes a report over. Stages only move forward: a late report of an earlier one changes counters, not the stage. */
export function applyProgress(state: JobState, report: JobProgress): JobState {
  const stage = report.stage && later(report.stage, state.stage) ? report.stage : state.stage;
  const next: JobState = {
    ...state,
    stage,
    message: report.message ?? state.message,
    filesTotal: report.filesTotal ?? state.filesTotal,
    filesProcessed: report.filesProcessed ?? state.filesProcessed,
    chunksTotal: report.chunksTotal ?? state.chunksTotal,
    chunksEmbedded: report.chunksEmbedded ?? state.chunksEmbedded,
    bytes: report.bytes ?? state.bytes,
    objects: report.objects ?? state.objects,
    objectsTotal: report.objectsTotal ?? state.objectsTotal,
    skipped: report.skipped ?? state.skipped,
    dirty: true,
  };
  return { ...next, progress: Math.max(state.progress, percent(next)) };
}

/** Adds one batch's counts; `processing-files` then reads "Processing file 15 of 42". */
export function applyBatch(state: JobState, counts: BatchCounts): JobState {
  const processed = Math.min(state.filesProcessed + counts.files, Math.max(state.filesTotal, counts.files));
  return applyProgress(state, {
    stage: 'processing-files',
    filesProcessed: processed,
    message: `Processing file ${processed} of ${state.filesTotal}`,
    chunksTotal: state.chunksTotal + counts.chunks,
    chunksEmbedded: state.chunksEmbedded + (counts.embedded ?? 0),
    skipped: addCounts(state.skipped, counts.reasons ?? {}),
  });
}

function addCounts(a: Record<string, number>, b: Record<string, number>): Record<string, number> {
  const sum = { ...a };
  for (const [reason, count] of Object.entries(b)) sum[reason] = (sum[reason] ?? 0) + count;
  return sum;
}

function later(a: IndexingStage, b: IndexingStage): boolean {
  return INDEXING_STAGES.indexOf(a) > INDEXING_STAGES.indexOf(b);
}

/** Where each stage begins and ends on the scale of 0 to 100; the share within it comes from objects or files. */
const SHARES: Record<IndexingStage, readonly [number, number]> = {
  queued: [0, 0],
  syncing: [1, 4],
  resolving: [4, 5],
  'checking-out': [5, 25],
  diffing: [25, 30],
  'processing-files': [30, 90],
  embedding: [90, 93],
  finalizing: [93, 99],
  ready: [100, 100],
  error: [0, 0],
};
/** A mirror job only fetches: its scale is all `syncing`. */
const MIRROR_SHARE = [1, 99] as const;

function percent(state: JobState): number {
  const [from, to] =
    state.spec.kind === 'mirror' && state.stage === 'syncing' ? MIRROR_SHARE : SHARES[state.stage];
  return Math.round(from + (to - from) * shareDone(state));
}

function shareDone(state: JobState): number {
  if (state.stage === 'processing-files') return ratio(state.filesProcessed, state.filesTotal);
  if (state.stage === 'syncing' || state.stage === 'checking-out')
    return ratio(state.objects, state.objectsTotal);
  return 0;
}

function ratio(done: number, total: number): number {
  return total > 0 ? Math.min(1, done / total) : 0;
}

/** What ends a job; its state then only waits to be settled. */
export function applyEnd(state: JobState, end: JobEnd, now: number): JobState {
  const ended = { ...state, end, step: null, finishedAt: now, dirty: false };
  if (end.type === 'job.completed') {
    return { ...ended, status: 'completed', stage: 'ready', progress: 100, message: 'Done' };
  }
  if (end.type === 'job.failed')
    return { ...ended, status: 'failed', stage: 'error', message: end.error.message };
  return { ...ended, status: 'cancelled', stage: 'error', message: end.reason };
}

export function progressPayload(state: JobState): ProgressPayload {
  return {
    progress: state.progress,
    message: state.message,
    stage: state.stage,
    filesProcessed: state.filesProcessed,
    filesTotal: state.filesTotal,
    chunksTotal: state.chunksTotal,
    chunksEmbedded: state.chunksEmbedded,
    skipped: state.skipped,
    bytes: state.bytes,
    objects: state.objects,
    objectsTotal: state.objectsTotal,
  };
}

/** The state a new listener starts from, beside the progress fields: whose job this is and how it stands. */
export function snapshotPayload(state: JobState): SnapshotPayload {
  const { spec } = state;
  return {
    ...progressPayload(state),
    jobId: spec.id,
    kind: spec.kind,
    repo: spec.repoName,
    ref: spec.ref,
    status: state.status,
  };
}

export function endPayload(
  state: JobState,
  end: JobEnd,
): ProgressPayload & { result?: JobResult; error?: JobError; reason?: string } {
  const payload = progressPayload(state);
  if (end.type === 'job.completed') return { ...payload, result: end.result };
  if (end.type === 'job.failed') return { ...payload, error: end.error };
  return { ...payload, reason: end.reason };
}
