/** Each word that somebody gave about a held call, those that did not count among them. */
import type { TableShape } from '@hivekey/evidence';
import { column } from '../column.ts';
import type { ReportScope } from '../report.ts';
import { streamRows } from '../snapshot.ts';

export const DECISIONS: TableShape = {
  name: 'decisions',
  title: 'Each word that was given',
  columns: [
    column('approval_id', 'id', 'About which approval.'),
    column('seq', 'integer', 'Number of the record in the log.'),
    column('event_id', 'id', 'The record.'),
    column('at', 'time', 'When.'),
    column('person_email', 'text', 'Who. Empty: nobody known.'),
    column('on_behalf_of', 'text', 'Whose say it was, where a delegate decided.'),
    column('decision', 'text', '`approve` or `deny`.'),
    column('counted', 'boolean', 'Whether it counts; if not, `code` says why.'),
    column(
      'code',
      'text',
      'Why it did not: `approver_is_owner`, `approver_is_requester`, `approver_over_authority`, …',
    ),
    column('channel', 'text', '`api`, `cli`, `console` or `slack`.'),
    column('credential_id', 'id', 'Key, session or account by which it was given.'),
    column('authenticated_at', 'time', 'When that person was authenticated.'),
    column('bulk_size', 'integer', 'How many in one move.'),
    column('reason', 'text', 'As it was given.'),
  ],
};

const QUERY = `
SELECT record ->> 'approval_id' AS approval_id, seq, event_id, ts AS at, record ->> 'person' AS person_email,
       record ->> 'on_behalf_of' AS on_behalf_of, record ->> 'decision' AS decision, kind = 'approval.decided' AS counted,
       record ->> 'code' AS code, record ->> 'channel' AS channel, record ->> 'key_id' AS credential_id,
       (record ->> 'authenticated_at')::timestamptz AS authenticated_at, (record ->> 'bulk')::bigint AS bulk_size, record ->> 'reason' AS reason
  FROM actions
 WHERE workspace_id = $1 AND kind IN ('approval.decided', 'approval.refused') AND kind NOT IN ('tool.call', 'tool.result')
   AND ts >= $2 AND ts < $3
 ORDER BY seq`;

export function decisionsIn({ client, workspaceId, period }: ReportScope, end: string): AsyncIterable<object> {
  return streamRows(client, QUERY, [workspaceId, period.from, end]);
}
