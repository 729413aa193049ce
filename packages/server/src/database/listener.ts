/** LISTEN on a connection of its own, reconnecting. After each reconnect the subscriber is told, since notifications were lost meanwhile. */
import pg from 'pg';

const RETRY_MS = 500;
/** Longest wait for an answer of the database. */
const PATIENCE_MS = 5_000;
/** A connection on which nothing comes looks like one that is dead: it is asked this often. */
const ASK_EVERY_MS = 10_000;

export interface ListenerOptions {
  readonly url: string;
  readonly channels: readonly string[];
  onNotification(channel: string, payload: string): void;
  /** Connected again: whatever was cached may be out of date. */
  onReconnect(): void;
}

export interface Listener {
  readonly connected: boolean;
  close(): Promise<void>;
}

export async function listen(options: ListenerOptions): Promise<Listener> {
  let client: pg.Client | undefined;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  async function connect(): Promise<void> {
    const next = new pg.Client({
      connectionString: options.url,
      application_name: 'hivekey-listen',
      keepAlive: true,
      connectionTimeoutMillis: PATIENCE_MS,
      query_timeout: PATIENCE_MS,
      pipeline: true,
    });
    next.on('error', () => undefined);
    next.on('end', () => {
      if (client === next) client = undefined;
      if (!closed) retry();
    });
    next.on('notification', ({ channel, payload }) => options.onNotification(channel, payload ?? ''));
    await next.connect();
    for (const channel of options.channels) await next.query(`LISTEN ${next.escapeIdentifier(channel)}`);
    client = next;
  }

  function retry(): void {
    if (timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      if (closed) return;
      connect().then(options.onReconnect, retry);
    }, RETRY_MS);
  }

  await connect();
  // In a pipeline, a query that is not answered in time ends its connection: then there is another one.
  const asking = setInterval(() => client?.query('SELECT 1').catch(() => undefined), ASK_EVERY_MS).unref();
  return {
    get connected() {
      return client !== undefined;
    },
    close: async () => {
      closed = true;
      clearTimeout(timer);
      clearInterval(asking);
      await client?.end();
    },
  };
}
