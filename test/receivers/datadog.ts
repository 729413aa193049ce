/** Datadog's log intake, version 2: it cuts and drops without a word. */
import { json, objectIn, type Receiver, type ReceiverOptions, type Reply, startReceiver } from './receiver.ts';

const MAX_AGE_MS = 18 * 3_600_000;

export interface DatadogOptions extends ReceiverOptions {
  readonly apiKey?: string;
  /** Epoch milliseconds. */
  readonly clock?: () => number;
}

export interface DatadogReceiver extends Receiver {
  readonly apiKey: string;
  /** What it refused without a word, for its age. */
  readonly dropped: string[];
}

export async function startDatadog(options: DatadogOptions = {}): Promise<DatadogReceiver> {
  const { apiKey = 'dd3f5a7c9e1b2d4f6a8c0e2b4d6f8a0c', clock = Date.now } = options;
  const dropped: string[] = [];
  const errors = (status: number, detail: string): Reply =>
    json(status, { errors: [{ status: String(status), detail }] });
  const receiver = await startReceiver(
    {
      isDelivery: (path) => path.endsWith('/api/v2/logs'),
      answer: (request) => {
        if (!request.path.endsWith('/api/v2/logs')) return errors(404, 'not found');
        if (request.headers['dd-api-key'] !== apiKey)
          return errors(403, `Forbidden: ${request.headers['dd-api-key'] ?? ''}`);
        if (request.body.length > 5_000_000) return errors(413, 'Payload too large');
        const logs: unknown = JSON.parse(request.body.toString());
        if (!Array.isArray(logs)) return errors(400, 'not an array');
        if (logs.length > 1_000) return errors(413, 'too many logs');
        const events = logs.map(objectIn).flatMap((log) => {
          const id = String(log.event_id);
          if (clock() - Number(log.timestamp) > MAX_AGE_MS) {
            dropped.push(id);
            return [];
          }
          return [{ id, seq: typeof log.seq === 'number' ? log.seq : undefined, event: cutSilently(log) }];
        });
        return json(202, {}, { events });
      },
    },
    options,
  );
  return Object.assign(receiver, { apiKey, dropped });
}

/** A log has at most 1 MB there; of a longer one the end of its message is gone. */
function cutSilently(log: Readonly<Record<string, unknown>>): unknown {
  const over = Buffer.byteLength(JSON.stringify(log)) - 1_000_000;
  if (over <= 0 || typeof log.message !== 'string') return log;
  return { ...log, message: log.message.slice(0, -over) };
}
