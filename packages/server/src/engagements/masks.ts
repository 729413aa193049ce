/**
 * What an auditor sees of a record without asking: that something was sent, and not what. Values of arguments, whom a call
 * pays, where it goes and where it came from are hidden; each is shown on its own, for a reason that is recorded. What
 * was masked when it was recorded is on no record and stays hidden. Pure.
 */
import { z } from 'zod';

const HIDDEN = '[hidden]';
/** Of calls; paths are JSON Pointers (RFC 6901). */
const TEXTS: readonly string[] = ['payee', 'dest', 'resource', 'src_ip'];

const recordSchema = z.record(z.string(), z.unknown());

/** The record with hidden values, and the pointers of what is hidden in `masked`. */
export function maskRecord<Event extends Readonly<Record<string, unknown>>>(
  event: Event,
): Event & { readonly masked: string[] } {
  const masked: string[] = [];
  const shown: Record<string, unknown> = { ...event };
  for (const name of TEXTS)
    if (shown[name] !== undefined) {
      masked.push(`/${name}`);
      shown[name] = HIDDEN;
    }
  if (shown.args !== undefined) shown.args = maskValue(shown.args, '/args', masked);
  // What a rule has compared is an argument in other words.
  if (Array.isArray(shown.trace)) shown.trace = shown.trace.map((step, index) => maskDetail(step, index, masked));
  return { ...event, ...shown, masked };
}

function maskValue(value: unknown, pointer: string, masked: string[]): unknown {
  if (Array.isArray(value)) return value.map((item, index) => maskValue(item, `${pointer}/${index}`, masked));
  const object = recordSchema.safeParse(value);
  if (object.success)
    return Object.fromEntries(
      Object.entries(object.data).map(([name, item]) => [name, maskValue(item, `${pointer}/${stepOf(name)}`, masked)]),
    );
  masked.push(pointer);
  return HIDDEN;
}

function maskDetail(step: unknown, index: number, masked: string[]): unknown {
  const read = recordSchema.safeParse(step);
  if (!read.success || read.data.detail === undefined) return step;
  masked.push(`/trace/${index}/detail`);
  return { ...read.data, detail: HIDDEN };
}

function stepOf(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** The one value that is hidden at the pointer; undefined where none is. */
export function hiddenAt(event: Readonly<Record<string, unknown>>, pointer: string): unknown {
  if (!maskRecord(event).masked.includes(pointer)) return undefined;
  let value: unknown = event;
  for (const step of pointer.slice(1).split('/')) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(value)) value = value[Number(name)];
    else value = recordSchema.parse(value)[name];
  }
  return value;
}
