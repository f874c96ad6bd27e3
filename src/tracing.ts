import { setTimeout as delay } from 'node:timers/promises';
import { diag, DiagLogLevel, isSpanContextValid, type SpanContext, type Tracer } from '@opentelemetry/api';
import type { Sampler, SamplingDecision } from '@opentelemetry/sdk-trace-base';
import { logger } from './logger.ts';
import { version } from './version.ts';

/** Where spans go, as the variables of OpenTelemetry say: to `tracesUrl`, or to `/v1/traces` under `collectorUrl`. */
export type TracingOptions = {
  collectorUrl: string | undefined;
  tracesUrl: string | undefined;
  serviceName: string;
  /** The share of traces that are recorded when nobody decided about them before: 0 to 1. */
  ratio: number;
};

/** Makes spans, and sends them to a collector. */
export type Tracing = {
  tracer: Tracer;
  /** Sends what is left, as far as the collector takes it within a moment. */
  stop: () => Promise<void>;
};

/** Spans that wait for the collector, about 1 KB each; more are dropped. Milliseconds between two requests, and for one. */
const queue = { maxQueueSize: 2048, maxExportBatchSize: 512, scheduledDelayMillis: 1000 };
const exportMs = 5000;
/** Milliseconds that a stop waits for the collector. */
const flushMs = 2000;

/**
 * Begins to send spans (OTLP by HTTP, in JSON).
 * @returns null when no collector is named: nothing of the SDK is loaded then.
 * @example const tracing = await startTracing({ collectorUrl: 'http://localhost:4318', ...options }); await tracing?.stop();
 */
export async function startTracing({
  collectorUrl,
  tracesUrl,
  ...options
}: TracingOptions): Promise<Tracing | null> {
  const url = tracesUrl ?? (collectorUrl && `${collectorUrl.replace(/\/$/, '')}/v1/traces`);
  if (!url) return null;
  const [sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  logTroubles();
  const exporter = new OTLPTraceExporter({ url, timeoutMillis: exportMs });
  const root = new sdk.TraceIdRatioBasedSampler(options.ratio);
  const provider = new sdk.BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': options.serviceName, 'service.version': version }),
    sampler: new sdk.ParentBasedSampler({
      root: alsoWhenLinked(root, sdk.SamplingDecision.RECORD_AND_SAMPLED),
    }),
    spanProcessors: [new sdk.BatchSpanProcessor(exporter, queue)],
  });
  return {
    tracer: provider.getTracer('bellhop', version),
    stop: () =>
      Promise.race([provider.shutdown().catch(() => {}), delay(flushMs, undefined, { ref: false })]),
  };
}

/** A trace goes on to its end: what was recorded at its intake is recorded when it is sent. */
function alsoWhenLinked(sampler: Sampler, decision: SamplingDecision): Sampler {
  return {
    shouldSample: (...question) => {
      const [, , , , , links] = question;
      return links.length > 0 ? { decision } : sampler.shouldSample(...question);
    },
    toString: () => `AlsoWhenLinked{${sampler.toString()}}`,
  };
}

const ignore = () => {};

/** Milliseconds for which the log says nothing more of a collector that does not take spans. */
const quietMs = 60_000;

function logTroubles(): void {
  let quietUntil = 0;
  const warn = (trouble: string) => {
    if (performance.now() < quietUntil) return;
    quietUntil = performance.now() + quietMs;
    logger.warn({ trouble: trouble.slice(0, 500) }, 'spans not sent');
  };
  const diagLogger = { error: warn, warn, info: ignore, debug: ignore, verbose: ignore };
  diag.setLogger(diagLogger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
}

/**
 * Reads a `traceparent` (W3C Trace Context, version 00 and what later versions keep of it).
 * @returns null when it is none.
 * @example parseTraceparent('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01');
 */
export function parseTraceparent(text: string | undefined): SpanContext | null {
  const [, traceId = '', spanId = '', flags = ''] = traceparent.exec(text ?? '') ?? [];
  const context = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
  return isSpanContextValid(context) ? context : null;
}

/** Version 00 ends with its flags; ff is none. */
const traceparent = /^(?!ff)(?!00.{54})[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(?:-.*)?$/;

/** @returns the `traceparent` of a span. */
export function formatTraceparent({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-0${traceFlags & 1}`;
}
