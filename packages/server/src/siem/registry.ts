/** The kinds of receivers, by the name that a sink's `kind` has. */
import { fileSink } from './file/index.ts';
import type { SinkType } from './sink-type.ts';
import { webhookSink } from './webhook/index.ts';

export const SINK_TYPES = {
  file: fileSink,
  webhook: webhookSink,
} satisfies Readonly<Record<string, SinkType>>;

export type SinkKind = keyof typeof SINK_TYPES;
