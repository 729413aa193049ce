/** Sinks, as the SDK has them. */
export type {
  Sink,
  SinkCompleteness,
  SinkDeadLetter,
  SinkKindDetails,
  SinkLedgerDay,
  SinkReplay,
  SinkSkip,
  SinkTest,
} from '@hivekey/sdk';
