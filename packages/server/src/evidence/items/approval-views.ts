/** What the deciders of each held call were shown, frozen: the document whose hash is bound, and the same to be read. */
import { canonicalJson } from '@hivekey/action-log';
import { type EvidenceDocument, type Json, renderHtml } from '@hivekey/evidence';
import type { Attachment, ReportScope } from '../report.ts';
import { streamRows } from '../snapshot.ts';

interface Row {
  id: string;
  wrapped_key: Buffer;
  ciphertext: Buffer;
  requested_at: Date;
  view_digest: string;
  tenant: string;
  environment: string;
  sample_data: boolean;
}

const QUERY = `
SELECT a.id, a.wrapped_key, a.ciphertext, a.requested_at, a.binding ->> 'view' AS view_digest, w.name AS tenant, w.environment, w.sample_data
  FROM approvals a JOIN workspaces w ON w.id = a.workspace_id
 WHERE a.workspace_id = $1 AND a.requested_at < $3 AND (a.requested_at >= $2 OR coalesce(a.ended_at, a.expires_at) >= $2)
   AND NOT EXISTS (SELECT FROM agents s WHERE s.workspace_id = a.workspace_id AND s.id = a.agent_id AND s.rehearsal_id IS NOT NULL)
 ORDER BY a.requested_at, a.id`;

/** Of one that retention or two people took away there is none: its hash stands in the table. */
export async function* viewsOf(scope: ReportScope, end: string): AsyncGenerator<Attachment, void, undefined> {
  const { client, context, workspaceId, period } = scope;
  for await (const row of streamRows<Row>(client, QUERY, [workspaceId, period.from, end])) {
    if (row.ciphertext.length === 0) continue;
    const { id, wrapped_key: wrappedKey, ciphertext } = row;
    const { view } = context.approvals.vault.open(workspaceId, id, 'held', { wrappedKey, ciphertext });
    const document: Json = view ?? null;
    yield { path: `views/${id}.json`, bytes: Buffer.from(canonicalJson(document)) };
    yield { path: `views/${id}.html`, bytes: Buffer.from(renderHtml(documentOf(row, document))) };
  }
}

/** Of the instant at which the call was held: it is the same whenever it is made. */
function documentOf(row: Row, view: Json): EvidenceDocument {
  const at = row.requested_at.toISOString();
  const members = typeof view === 'object' && view !== null ? Object.entries(view) : [];
  return {
    tenant: row.tenant,
    environment: row.environment,
    period: null,
    asOf: at,
    generatedAt: at,
    csvSha256: null,
    isSample: row.sample_data,
    title: `What was shown of the held call ${row.id}`,
    paper: 'portrait',
    blocks: [
      { kind: 'facts', facts: members.map(([name, value]) => ({ name, value: wordsOf(value) })) },
      {
        kind: 'text',
        text: `The bytes of ${row.id}.json have the SHA-256 that the approval is bound to: ${row.view_digest}.`,
        emphasis: 'muted',
      },
    ],
  };
}

function wordsOf(value: Json): string {
  return typeof value === 'string' ? value : canonicalJson(value);
}
