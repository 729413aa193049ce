export { createLogger, type Logger } from './logger.ts';
export { createMetrics, type LogObserver, type Metrics } from './metrics.ts';
export type { SinkObserver } from './sink-metrics.ts';
