/** Counts in Prometheus' text format 0.0.4. */
import { BOUNDS_MS, type Histogram } from './histogram.ts';
import { byClass } from './meter.ts';
import type { Counts } from './metrics-object.ts';

export const PROMETHEUS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

type Labels = Record<string, string>;
type Sample = [suffix: string, labels: Labels, value: number];

/** The whole exposition: cumulative since the beginning, as Prometheus wants it. */
export function exposition(counts: Counts, version: string): string {
  return [
    family('sightline_build_info', 'gauge', 'The version that answers.', [['', { version }, 1]]),
    family(
      'sightline_http_requests_total',
      'counter',
      'Answered requests, by operation and status.',
      counts.requests.map(({ operation, status, times }): Sample => {
        return ['', { operation, status: String(status) }, times.count];
      }),
    ),
    family(
      'sightline_http_request_duration_seconds',
      'histogram',
      'Time to the answer, by operation and class of status.',
      byClass(counts.requests).flatMap((series) =>
        histogram({ operation: series.operation, class: series.class }, series.times),
      ),
    ),
    family(
      'sightline_rate_limit_violations_total',
      'counter',
      'Requests refused with 429, by policy.',
      counts.violations.map(({ policy, count }): Sample => ['', { policy }, count]),
    ),
    family(
      'sightline_custom_total',
      'counter',
      'Metrics of integrations (POST /api/v1/metrics/increment), by name and tags.',
      counts.custom.map(({ name, tags, value }): Sample => ['', { name, ...tagLabels(tags) }, value]),
    ),
    family(
      'sightline_metrics_dropped_total',
      'counter',
      'Counts that could not be held until they arrived.',
      [['', {}, counts.dropped]],
    ),
  ].join('');
}

/** One metric with all its samples; nothing of one that has none. */
function family(name: string, type: string, help: string, samples: Sample[]): string {
  if (samples.length === 0) return '';
  const lines = samples.map(([suffix, labels, value]) => `${name}${suffix}${braces(labels)} ${value}\n`);
  return `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

/** Buckets count all that is at or below their bound. */
function histogram(labels: Labels, { buckets, count, sum }: Histogram): Sample[] {
  let below = 0;
  const upTo = BOUNDS_MS.map((bound, at): Sample => {
    below += buckets[at]!;
    return ['_bucket', { ...labels, le: String(bound / 1000) }, below];
  });
  return [
    ...upTo,
    ['_bucket', { ...labels, le: '+Inf' }, count],
    ['_sum', labels, sum / 1000],
    ['_count', labels, count],
  ];
}

/** With a prefix, so that a tag may have any name that a label may. */
function tagLabels(tags: Record<string, string>): Labels {
  return Object.fromEntries(Object.entries(tags).map(([name, value]) => [`tag_${name}`, value]));
}

function braces(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
