/** Events out of what a receiver exports: lines, or one document; bare, or in the receiver's own wrappers. */
import { isObject, type JsonObject, readJson } from '../json.ts';
import type { CopyEvent, CopyFormat } from './events.ts';
import { eventOfDocument, unreadable } from './shapes.ts';

/** A piece of an export: a line, or a whole file that is one document. */
export interface CopyText {
  /** `<file>:<line>`, or the file. */
  readonly place: string;
  readonly text: string;
}

/** What receivers wrap events in, outside first: Elasticsearch, Splunk, HEC, SecOps, OTLP, Datadog. */
const WRAPPERS = [
  'hits',
  '_source',
  'results',
  'result',
  '_raw',
  'event',
  'events',
  'udm',
  'resourceLogs',
  'scopeLogs',
  'logRecords',
  'data',
  'attributes',
  'content',
  'message',
  'body',
] as const;
const MAX_DEPTH = 8;

/** In the order of the export, which need not be that of the log. What is none of our events comes as unreadable. */
export async function* readCopy(
  texts: AsyncIterable<CopyText> | Iterable<CopyText>,
  format?: CopyFormat,
): AsyncGenerator<CopyEvent, void, undefined> {
  for await (const { place, text } of texts) yield* readCopyText(text, place, format);
}

function* readCopyText(text: string, place: string, format?: CopyFormat): Generator<CopyEvent, void, undefined> {
  const document = documentIn(text);
  if (document === undefined) {
    if (text.trim() !== '') yield unreadable(place, 'the line holds no JSON');
    return;
  }
  let count = 0;
  for (const event of eventsIn(document, place, 0)) {
    count += 1;
    if (format === undefined || event.type === 'unreadable' || event.format === format) yield event;
    else yield unreadable(event.place, `the event is ${event.format}`);
  }
  if (count === 0 && !isEmpty(document)) yield unreadable(place, 'the line holds no event of HiveKey');
}

/** A line of syslog has its JSON behind a header. */
function documentIn(text: string): unknown {
  const whole = readJson(text);
  if (whole !== undefined) return whole;
  const start = text.indexOf('{"');
  return start > 0 ? readJson(text.slice(start)) : undefined;
}

function* eventsIn(value: unknown, place: string, depth: number): Generator<CopyEvent, void, undefined> {
  if (depth > MAX_DEPTH) return;
  if (typeof value === 'string') {
    const inner = value.startsWith('{') || value.startsWith('[') ? readJson(value) : undefined;
    if (inner !== undefined) yield* eventsIn(inner, place, depth + 1);
  } else if (Array.isArray(value)) {
    for (const each of value) yield* eventsIn(each, place, depth + 1);
  } else if (isObject(value)) {
    const event = eventOfDocument(value, place);
    if (event !== undefined) yield event;
    else if (Array.isArray(value.tables))
      for (const row of rowsOf(value.tables)) yield* eventsIn(row, place, depth + 1);
    else {
      const wrapper = WRAPPERS.find((name) => Object.hasOwn(value, name) && isNested(value[name]));
      if (wrapper !== undefined) yield* eventsIn(value[wrapper], place, depth + 1);
    }
  }
}

function isNested(value: unknown): boolean {
  return (typeof value === 'object' && value !== null) || (typeof value === 'string' && /^[{[]/.test(value));
}

/** Log Analytics answers with columns and rows. */
function* rowsOf(tables: readonly unknown[]): Generator<JsonObject, void, undefined> {
  for (const table of tables) {
    if (!isObject(table) || !Array.isArray(table.columns) || !Array.isArray(table.rows)) continue;
    const names = table.columns.map((column: unknown) => (isObject(column) ? String(column.name) : ''));
    for (const row of table.rows) {
      if (!Array.isArray(row)) continue;
      const cells = names.map((name, i): [string, unknown] => [name, row[i]]);
      yield Object.fromEntries(cells.filter(([, cell]) => cell !== null && cell !== ''));
    }
  }
}

/** The answer of a search that found nothing, or the end of one. */
function isEmpty(document: unknown): boolean {
  return Array.isArray(document) ? document.length === 0 : isObject(document) && document.lastrow === true;
}
