/** From an item of the stream to the one line that goes out. Pure: the same item, format and settings give the same bytes. */
import { hash } from 'node:crypto';
import { cefLine } from './cef.ts';
import { ecsLine } from './ecs.ts';
import { eventOf, SIZES, type StreamEvent } from './event.ts';
import { flatLine } from './flat-line.ts';
import { jsonLine } from './line.ts';
import { nativeLine } from './native.ts';
import { attest, type ChainLink, type EventChain } from './ocsf/attest.ts';
import { ocsfEvent } from './ocsf/event.ts';
import { otlpLine } from './otlp.ts';
import type { Format, MapSettings, StreamItem } from './types.ts';
import { udmLine } from './udm.ts';

type Writer = (event: StreamEvent) => string;

const WRITERS: Readonly<Record<Format, Writer>> = {
  native: nativeLine,
  'ocsf-1.8.0': (event) => jsonLine(ocsfEvent(event, '1.8.0')),
  'ocsf-1.9.0': (event) => jsonLine(ocsfEvent(event, '1.9.0')),
  'ecs-9.4': ecsLine,
  flat: flatLine,
  otlp: otlpLine,
  udm: udmLine,
  cef: cefLine,
};

/** An event of at least this length is always allowed: the envelope alone is shorter. */
const LEAST_BYTES = 4_096;

/** One line without control characters. Never throws, and leaves no item out: what cannot be mapped goes out as its envelope. */
export function mapItem(format: Format, item: StreamItem, settings: MapSettings): string {
  // The record is what the native form is made of.
  const given = format === 'native' && !settings.raw ? { ...settings, raw: true } : settings;
  return shortest(item, given, WRITERS[format]);
}

/**
 * OCSF 1.9.0 with `attestation_list`. The next item of the stream is mapped with the link that this one gives; the
 * same item after the same link gives the same bytes.
 */
export function mapAttested(
  item: StreamItem,
  settings: MapSettings,
  chain: EventChain,
): { readonly line: string; readonly link: ChainLink } {
  let link: ChainLink | undefined;
  const line = shortest(item, settings, (event) => {
    const attested = attest(ocsfEvent(event, '1.9.0', true), event.id, chain);
    link = attested.link;
    return jsonLine(attested.event);
  });
  return { line, link: link ?? { uid: idOf(item), typeUid: 0, fingerprint: hash('sha256', line) } };
}

function idOf(item: StreamItem): string {
  return item.type === 'entry' ? item.record.event_id : item.id;
}

/**
 * The first size whose line is short enough. A writer that fails, which is a bug of ours, costs the event its fields
 * and no more: it goes out as an envelope with the exact record.
 */
export function shortest(item: StreamItem, settings: MapSettings, write: Writer): string {
  const longest = Math.max(settings.maxBytes ?? Number.MAX_SAFE_INTEGER, LEAST_BYTES);
  try {
    let line = '';
    for (const size of SIZES) {
      line = write(eventOf(item, settings, size));
      // No character has more than three bytes for each unit of its length.
      if (3 * line.length <= longest || Buffer.byteLength(line) <= longest) break;
    }
    return line;
  } catch {
    const bare = eventOf(item, settings, 'envelope');
    const hasRaw = item.type === 'entry' && item.absent === undefined && bare.omitted.includes('raw');
    const raw = hasRaw ? item.canonical : undefined;
    const line = flatLine({ ...bare, raw });
    return Buffer.byteLength(line) <= longest ? line : flatLine(bare);
  }
}
