/** What each person could approve, in every version that was in force in the period. */
import type { Json, TableShape } from '@hivekey/evidence';
import { column } from '../column.ts';
import { membersOf } from '../history/document.ts';
import { approvalsOfChanges, isInForceSince, type ObjectVersion, versionsUntilEnd } from '../history/versions.ts';
import type { ReportScope } from '../report.ts';

export const LIMITS: TableShape = {
  name: 'authority-limits',
  title: 'Authority limits in force in the period',
  columns: [
    column('person_id', 'id', 'The person.'),
    column('email', 'text', 'Work address.'),
    column('version', 'integer', 'Of what the person may approve and do.'),
    column('version_hash', 'id', 'SHA-256 of its RFC 8785 form.'),
    column(
      'limit',
      'text',
      '`listed`: the row is one of a list, and nothing else may be approved. `none set`: no limit. `nothing`.',
    ),
    column('capability', 'id', 'Capability, or pattern such as `payments.*`, that the person may approve.'),
    column('unit', 'text', 'What is limited, such as `usd`. Empty: any amount.'),
    column('max_units', 'integer', 'Most by one call; of money, in minor units.'),
    column('groups', 'list', 'Groups by which others ask for the person.'),
    column('roles', 'list', 'Roles in the workspace; who decides has `approver`.'),
    column('effective_from', 'time', 'When it came into force.'),
    column('effective_to', 'time', 'When something else did. Empty: it was in force at the end of the period.'),
    column('author', 'text', 'Who wrote it.'),
    column('approved_by', 'list', 'People who approved it. Empty: no record that anybody did.'),
    column('basis', 'text', 'On what ground it came.'),
    column('event_id', 'id', 'The record of the log that has its hash.'),
  ],
};

export async function limitsIn(scope: ReportScope): Promise<readonly object[]> {
  const { client, workspaceId, period } = scope;
  const versions = (await versionsUntilEnd(scope, ['person_authority'])).filter((each) =>
    isInForceSince(each, period.from),
  );
  const changes = await approvalsOfChanges(
    scope,
    versions.flatMap(({ change_id: id }) => (id === null ? [] : [id])),
  );
  const { rows } = await client.query<{ id: string; email: string }>(
    'SELECT id, email FROM people WHERE workspace_id = $1 AND id = ANY($2)',
    [workspaceId, versions.map(({ id }) => id)],
  );
  const emails = new Map(rows.map(({ id, email }) => [id, email]));
  return versions.flatMap((version) => {
    const head = {
      person_id: version.id,
      email: emails.get(version.id) ?? null,
      version: version.version,
      version_hash: version.sha256,
      groups: listOf(version, 'groups'),
      roles: listOf(version, 'roles'),
      effective_from: version.activated_at,
      effective_to: version.until,
      author: version.author,
      approved_by: version.change_id === null ? [] : (changes.get(version.change_id)?.approvers ?? []),
      basis: version.basis,
      event_id: version.event_id,
    };
    return limitsOf(version).map((limit) => ({ ...head, ...limit }));
  });
}

function limitsOf(version: ObjectVersion): readonly object[] {
  const authority = memberOf(version, 'authority');
  if (!Array.isArray(authority)) return [{ limit: 'none set' }];
  if (authority.length === 0) return [{ limit: 'nothing' }];
  return authority.flatMap((entry: Json) => {
    if (typeof entry !== 'object' || entry === null || !('capability' in entry)) return [];
    const head = { limit: 'listed', capability: entry.capability };
    const max = 'max' in entry && typeof entry.max === 'object' && entry.max !== null ? Object.entries(entry.max) : [];
    return max.length === 0 ? [head] : max.map(([unit, most]) => ({ ...head, unit, max_units: most }));
  });
}

function memberOf({ document }: ObjectVersion, name: string): Json | undefined {
  return membersOf(document)[name];
}

function listOf(version: ObjectVersion, name: string): Json {
  return memberOf(version, name) ?? [];
}
