/** Structured logs on standard error. Whatever looks like a credential is taken out, wherever it stands. */
import { type Logger, pino } from 'pino';

export type { Logger };

const SENSITIVE_PATHS = ['authorization', 'cookie', 'token', 'key', 'secret', 'password'].flatMap((name) => [
  name,
  `*.${name}`,
  `*.*.${name}`,
]);

export function createLogger(level: string): Logger {
  return pino(
    {
      level,
      base: { name: 'hivekey' },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      redact: { paths: [...SENSITIVE_PATHS, 'req.headers.authorization', 'req.headers.cookie'], censor: '[secret]' },
    },
    pino.destination({ dest: 2, sync: false }),
  );
}
