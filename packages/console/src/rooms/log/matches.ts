import type { EventFilter, LogEvent } from '../../api/types.ts';

/** Whether an event of the stream fits the parts of the filter that the stream was not asked with. As the server has it. Pure. */
export function matches(event: LogEvent, filter: EventFilter): boolean {
  const { verdict, kind, q, from, to, reason_class: reasonClass, tool, server, args } = filter;
  if (kind !== undefined && event.kind !== kind) return false;
  if (verdict !== undefined && event.verdict !== verdict) return false;
  if (reasonClass !== undefined && event.reason_class !== reasonClass) return false;
  if ((tool !== undefined || server !== undefined) && kind === undefined && event.kind !== 'tool.call') return false;
  if (tool !== undefined && event.tool !== tool) return false;
  if (server !== undefined && event.namespace !== server) return false;
  if (q !== undefined && !has(event.reason ?? '', q)) return false;
  if (args !== undefined && !has(JSON.stringify(event.args ?? {}), args)) return false;
  const ts = Date.parse(event.ts);
  if (from !== undefined && ts < Date.parse(from)) return false;
  return to === undefined || ts < Date.parse(to);
}

function has(text: string, words: string): boolean {
  return text.toLowerCase().includes(words.toLowerCase());
}

/** What a record that is no call says, in a few words. */
export function summaryOf(event: LogEvent): string {
  if (event.kind === 'tool.result') {
    const code = typeof event.error_code === 'string' ? ` (${event.error_code})` : '';
    return `${event.action ?? ''}: ${event.outcome ?? 'unknown'}${code}`;
  }
  const about = ABOUT.flatMap((field) => {
    const value = event[field];
    return typeof value === 'string' && value !== '' ? [value] : [];
  });
  return [...new Set(about)].join(' · ');
}

/** Fields that name what an administrative record is about, most telling first. */
const ABOUT = [
  'scope',
  'target',
  'name',
  'capability',
  'namespace',
  'email',
  'role',
  'change',
  'reason',
  'code',
] as const;
