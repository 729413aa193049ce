import type { EventFilter, LogEvent } from '../../api/types.ts';

/** Whether an event of the stream fits the parts of the filter that the stream was not asked with. As the server has it. Pure. */
export function matches(event: LogEvent, { verdict, kind, q, from, to }: EventFilter): boolean {
  if (kind !== undefined && event.kind !== kind) return false;
  if (verdict !== undefined && event.verdict !== verdict) return false;
  if (q !== undefined && !(event.reason ?? '').toLowerCase().includes(q.toLowerCase())) return false;
  const ts = Date.parse(event.ts);
  if (from !== undefined && ts < Date.parse(from)) return false;
  return to === undefined || ts < Date.parse(to);
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
