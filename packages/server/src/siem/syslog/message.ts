/** An event as a message of RFC 5424. Pure: the same event and settings give the same bytes. */
import type { OutgoingEvent, Rejection } from '../transport.ts';
import { MAX_MESSAGE_BYTES } from './index.ts';

/**
 * Documentation number of RFC 5612, in the place of a private enterprise number of our own: receivers match the
 * whole id, so it changes once, when the number is there.
 */
const STRUCTURED_ID = 'hivekey@32473';
/** Of RFC 5424, 6.2.1. */
const SEVERITY = { critical: 2, error: 3, warning: 4, notice: 5, informational: 6 } as const;
const VERDICTS: Readonly<Record<string, number>> = { allow: 6, deny: 4, review: 5 };
const LEVELS: Readonly<Record<string, number>> = {
  critical: SEVERITY.critical,
  high: SEVERITY.error,
  medium: SEVERITY.warning,
  low: SEVERITY.notice,
};
const MAX_NAME = 32;
const BOM = '\u{feff}';

export interface MessageSettings {
  /** 0 to 23. */
  readonly facility: number;
  readonly hostname: string;
  /** Whether the text begins with the byte order mark that RFC 5424 asks of UTF-8; rsyslog keeps it in the text. */
  readonly bom: boolean;
}

export interface MessageSource {
  readonly workspace: string;
  readonly replay: boolean;
}

export interface Message {
  /** Place among the events, and id, of its event. */
  readonly index: number;
  readonly id: string;
  readonly bytes: Buffer;
}

/** One for each event, but for those that are too long whatever was left out of them. */
export function messagesOf(
  events: readonly OutgoingEvent[],
  settings: MessageSettings,
  source: MessageSource,
): { readonly messages: readonly Message[]; readonly tooLong: readonly Rejection[] } {
  const messages: Message[] = [];
  const tooLong: Rejection[] = [];
  for (const [index, event] of events.entries()) {
    const bytes = syslogMessage(event, settings, source);
    if (bytes.length <= MAX_MESSAGE_BYTES) messages.push({ index, id: event.id, bytes });
    else tooLong.push({ index, why: `the message has ${bytes.length} bytes, and ${MAX_MESSAGE_BYTES} are the most` });
  }
  return { messages, tooLong };
}

export function syslogMessage(event: OutgoingEvent, settings: MessageSettings, source: MessageSource): Buffer {
  const priority = settings.facility * 8 + severityOf(event);
  const time = new Date(event.time).toISOString();
  const data = structuredData({
    eventId: event.id,
    ...(event.item.type === 'entry' ? { seq: String(event.item.seq) } : {}),
    workspace: source.workspace,
    ...(source.replay ? { replayed: 'true' } : {}),
  });
  const header = `<${priority}>1 ${time} ${settings.hostname} hivekey - ${nameOf(event.kind)} ${data}`;
  return Buffer.from(`${header} ${settings.bom ? BOM : ''}${withoutControls(event.body)}`);
}

/** RFC 6587, 3.4.1 and RFC 5425, 4.3: the length in bytes, a space, the message. */
export function octetCounted(message: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${message.length} `), message]);
}

function severityOf({ item }: OutgoingEvent): number {
  if (item.type === 'checkpoint') return SEVERITY.informational;
  const { verdict, level } = item.record;
  return (
    (typeof level === 'string' ? LEVELS[level] : undefined) ??
    (typeof verdict === 'string' ? VERDICTS[verdict] : undefined) ??
    SEVERITY.informational
  );
}

/** MSGID: printable ASCII without spaces, at most 32 (RFC 5424, 6.2.7). */
function nameOf(kind: string): string {
  return kind.replace(/[^!-~]/g, '_').slice(0, MAX_NAME) || '-';
}

/** RFC 5424, 6.3.3: `"`, `\` and `]` are escaped, and nothing else. */
function structuredData(parameters: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(parameters).map(
    ([name, value]) => `${name}="${withoutControls(value).replace(/["\\\]]/g, '\\$&')}"`,
  );
  return `[${STRUCTURED_ID} ${pairs.join(' ')}]`;
}

/** One record is one message, and no terminal is written to: C0, DEL, C1 and the two separators of lines. */
const CONTROLS = /[\p{Cc}\u2028\u2029]/gu;

/** As JSON writes them; a text that is no JSON shows the same. */
function withoutControls(text: string): string {
  return text.replace(CONTROLS, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
