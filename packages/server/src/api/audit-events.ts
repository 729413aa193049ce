/** Events of the log as the API shows them, and what selects them. */
import { z } from 'zod';
import type { EventFilter, LogEvent } from '../log/index.ts';

const moment = z.iso.datetime({ offset: true }).meta({ description: 'ISO 8601 with a time zone.' });
const word = z.string().min(1).max(256);

/** Members of a query that selects events; spread them in a strict object. */
export const filterQuery = {
  agent: word.optional().meta({ description: 'Id or handle.' }),
  about: word.optional().meta({
    description:
      'Id or handle of an agent: all that it did, all that was done about it, and what others did on its behalf.',
  }),
  owner: word.optional(),
  action: word.optional(),
  verdict: z.enum(['allow', 'deny', 'review']).optional(),
  reason_class: word.optional(),
  tool: word.optional().meta({ description: 'Name as called; of calls, unless a kind is named.' }),
  server: word
    .optional()
    .meta({ description: 'Namespace of the MCP server or API; of calls, unless a kind is named.' }),
  kind: word.optional(),
  session: word.optional(),
  run: word.optional(),
  approval: word.optional(),
  from: moment.optional().meta({ description: 'Decision time, inclusive.' }),
  to: moment.optional().meta({ description: 'Decision time, exclusive.' }),
  q: word.optional().meta({ description: 'Words in the reason.' }),
  args: word.optional().meta({ description: 'Words in the arguments of calls, as they are recorded: redacted.' }),
  shadow: z
    .enum(['true', 'false'])
    .optional()
    .meta({ description: '`true`: only calls that a guard in shadow would have refused or held.' }),
};
/** Of what is kept: members that are not known are refused. */
export const savedFilterSchema = z.strictObject(filterQuery);
const filterSchema = z.object(filterQuery);
export type FilterQuery = z.output<typeof filterSchema>;

export function filterOf({ from, to, shadow, reason_class: reasonClass, ...rest }: FilterQuery): EventFilter {
  return {
    ...rest,
    reasonClass,
    ...(shadow === 'true' ? { shadow: true } : {}),
    ...(from === undefined ? {} : { from: new Date(from) }),
    ...(to === undefined ? {} : { to: new Date(to) }),
  };
}

/** The members that were given, for cursors and for the record of a read; nothing beside them. */
export function given(query: FilterQuery): Record<string, string> {
  return Object.fromEntries(
    Object.entries(filterSchema.parse(query)).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

export const eventSchema = z
  .looseObject({
    seq: z.int(),
    event_id: z.string(),
    kind: z.string(),
    ts: z.string(),
    outcome: z.string().nullable(),
    entry_hash: z.string(),
    prev_hash: z.string(),
    hash: z.string(),
  })
  .meta({
    id: 'Event',
    description: 'A record of the log with its place and hashes; the fields of its kind beside them.',
  });
export type EventView = z.output<typeof eventSchema>;

export function eventView({ seq, record, outcome, entry_hash, prev_hash, hash }: LogEvent): EventView {
  return { seq, ...record, outcome, entry_hash, prev_hash, hash };
}
