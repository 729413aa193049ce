/** The kinds of receivers, by the name that a sink's `kind` has. */
import { datadogSink } from './datadog/index.ts';
import { elasticSink } from './elastic/index.ts';
import { fileSink } from './file/index.ts';
import { kafkaSink } from './kafka/index.ts';
import { natsSink } from './nats/index.ts';
import { otlpSink } from './otlp/index.ts';
import { relpSink } from './relp/index.ts';
import { s3Sink } from './s3/index.ts';
import { secopsSink } from './secops/index.ts';
import { sentinelSink } from './sentinel/index.ts';
import type { SinkType } from './sink-type.ts';
import { splunkSink } from './splunk/index.ts';
import { syslogSink } from './syslog/index.ts';
import { webhookSink } from './webhook/index.ts';

export const SINK_TYPES = {
  file: fileSink,
  webhook: webhookSink,
  splunk: splunkSink,
  elastic: elasticSink,
  otlp: otlpSink,
  sentinel: sentinelSink,
  secops: secopsSink,
  datadog: datadogSink,
  syslog: syslogSink,
  relp: relpSink,
  kafka: kafkaSink,
  nats: natsSink,
  s3: s3Sink,
} satisfies Readonly<Record<string, SinkType>>;

export type SinkKind = keyof typeof SINK_TYPES;

export const SINK_KINDS: readonly SinkKind[] = Object.keys(SINK_TYPES).filter(isSinkKind);

function isSinkKind(kind: string): kind is SinkKind {
  return Object.hasOwn(SINK_TYPES, kind);
}
