/** Counts as an admin reads them. */
import type { z } from '@hono/zod-openapi';
import { addTo, emptyHistogram, type Histogram, quantile } from './histogram.ts';
import type { RequestSeries } from './meter.ts';
import type { Counts } from './metrics-object.ts';
import type { adminMetrics } from './metrics-schemas.ts';

/** @param hours what the counts are of; null = all since the beginning */
export function summary(counts: Counts, hours: number | null): z.output<typeof adminMetrics> {
  const { requests, violations, custom, dropped } = counts;
  const all = together(requests);
  const failed = requests.filter(isError);
  const byStatus = [...Map.groupBy(failed, ({ status }) => status)].map(([status, series]) => ({
    status,
    count: together(series).count,
  }));
  const endpoints = [...Map.groupBy(requests, ({ operation }) => operation)];
  return {
    since: new Date(counts.since).toISOString(),
    hours,
    requests: {
      total: all.count,
      by_endpoint: endpoints
        .map(([endpoint, series]) => ({ endpoint, ...endpointFigures(series) }))
        .sort((a, b) => b.count - a.count || (a.endpoint < b.endpoint ? -1 : 1)),
    },
    latency: percentiles(all),
    errors: {
      rate: shareOf(together(failed).count, all.count),
      by_status: byStatus
        .sort((a, b) => a.status - b.status)
        .map(({ status, count }) => ({ status, count, rate: shareOf(count, all.count) })),
    },
    rate_limit_violations: {
      total: violations.reduce((sum, { count }) => sum + count, 0),
      by_policy: violations,
    },
    custom,
    dropped,
  };
}

function endpointFigures(series: RequestSeries[]) {
  const times = together(series);
  return {
    count: times.count,
    errors: together(series.filter(isError)).count,
    average_ms: Math.round((times.sum / times.count) * 10) / 10,
    ...percentiles(times),
  };
}

function isError({ status }: RequestSeries): boolean {
  return status >= 400;
}

function together(series: readonly RequestSeries[]): Histogram {
  const sum = emptyHistogram();
  for (const { times } of series) addTo(sum, times);
  return sum;
}

function percentiles(times: Histogram) {
  return { p50_ms: quantile(times, 0.5), p95_ms: quantile(times, 0.95), p99_ms: quantile(times, 0.99) };
}

function shareOf(part: number, all: number): number {
  return all === 0 ? 0 : Math.round((part / all) * 1e4) / 1e4;
}
