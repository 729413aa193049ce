/** What a request says of its body, and of the answer it wants. */

/** `application/json`, in UTF-8 where a charset is named. */
export function isJsonContentType(value: string | undefined): boolean {
  if (value === 'application/json') return true;
  if (value === undefined) return false;
  const [type, ...parameters] = value.split(';').map((part) => part.trim().toLowerCase());
  if (type !== 'application/json') return false;
  return parameters.every((parameter) => !parameter.startsWith('charset=') || /^charset="?utf-8"?$/.test(parameter));
}

export interface Accepted {
  readonly json: boolean;
  readonly eventStream: boolean;
  /** The client names event streams first. */
  readonly streamFirst: boolean;
}

const ANYTHING: Accepted = { json: true, eventStream: true, streamFirst: false };

/** What an Accept header allows; absent means anything. */
export function acceptedTypes(header: string | undefined): Accepted {
  if (header === undefined || header === 'application/json, text/event-stream') return ANYTHING;
  const lower = header.toLowerCase();
  const any = lower.includes('*/*');
  const json = lower.indexOf('application/json');
  const stream = lower.indexOf('text/event-stream');
  return {
    json: any || json !== -1 || lower.includes('application/*'),
    eventStream: any || stream !== -1 || lower.includes('text/*'),
    streamFirst: stream !== -1 && stream < json,
  };
}
