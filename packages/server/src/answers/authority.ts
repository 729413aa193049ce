/** Who gave an agent its permissions, and who approved them, as at an instant: a chain of claims, each with its record. */
import type { Pool } from 'pg';
import { type Authority, readAuthority, withActors } from '../agents/index.ts';
import { peopleBehindKeys } from '../identity/index.ts';
import type { WorkspaceId } from '../ids.ts';
import { type Answer, ASKED, type Claim, computed, iso, recorded, unrecorded } from './answer.ts';

const APPROVED_ROLES = `
SELECT DISTINCT ON (v.object_id) v.object_id AS role, v.version, v.basis, v.author, v.activated_at, v.event_id,
       'CHG-' || c.number AS change, c.class
  FROM object_versions v LEFT JOIN changes c ON c.workspace_id = v.workspace_id AND c.id = v.change_id
 WHERE v.workspace_id = $1 AND v.object_type = 'role' AND v.object_id = ANY($2) AND v.activated_at <= $3
 ORDER BY v.object_id, v.version DESC`;

const REVIEWS = `
SELECT v.object_id AS role, r.person, r.stage, r.at, r.event_id
  FROM object_versions v JOIN change_reviews r ON r.workspace_id = v.workspace_id AND r.change_id = v.change_id
 WHERE v.workspace_id = $1 AND v.event_id = ANY($2) AND r.decision = 'approve' AND r.at <= $3 ORDER BY r.at, r.person`;

const ACCEPTANCES = `
SELECT id, person, reason, accepted_at, until FROM blast_radius_acceptances
 WHERE workspace_id = $1 AND subject_kind = 'agent' AND subject_id = $2 AND accepted_at <= $3 AND until > $3
   AND (ended_at IS NULL OR ended_at > $3) ORDER BY accepted_at`;

const ACCEPTED_RECORDS = `
SELECT event_id, record ->> 'acceptance' AS acceptance FROM actions
 WHERE workspace_id = $1 AND kind = 'blast_radius.accepted' AND kind NOT IN ('tool.call', 'tool.result')
   AND record ->> 'acceptance' = ANY($2)`;

const LAST_REVIEW = `
SELECT DISTINCT ON (i.role) i.id AS item, i.role, d.decision, d.reason, d.actor, d.submitted_at, d.event_id
  FROM review_items i
  JOIN review_decisions d ON d.workspace_id = i.workspace_id AND d.campaign_id = i.campaign_id AND d.item = i.number
  JOIN review_campaigns c ON c.workspace_id = i.workspace_id AND c.id = i.campaign_id AND c.voided_at IS NULL
 WHERE i.workspace_id = $1 AND i.agent_id = $2 AND i.item_type = 'assignment' AND d.submitted_at <= $3
   AND (d.superseded_at IS NULL OR d.superseded_at > $3)
 ORDER BY i.role, d.submitted_at DESC`;

const SEGREGATION = `
SELECT s.name, s.roles, a.person, a.reason, a.until
  FROM segregation_sets s
  LEFT JOIN segregation_acceptances a ON a.workspace_id = s.workspace_id AND a.set_id = s.id AND a.agent_id = $2
       AND a.accepted_at <= $3 AND a.until > $3 AND (a.ended_at IS NULL OR a.ended_at > $3)
 WHERE s.workspace_id = $1 AND s.created_at <= $3 AND (s.ended_at IS NULL OR s.ended_at > $3) ORDER BY s.name, s.id`;

interface RoleVersion {
  readonly role: string;
  readonly version: number;
  readonly basis: string;
  readonly author: string;
  readonly activated_at: Date;
  readonly event_id: string;
  readonly change: string | null;
  readonly class: string | null;
}

interface Review {
  readonly role: string;
  readonly person: string;
  readonly stage: 'before' | 'after';
  readonly at: Date;
  readonly event_id: string;
}

/** Throws `agent_not_found`, `at_in_future`. */
export async function authorityAnswer(
  pool: Pool,
  workspaceId: WorkspaceId,
  agent: string,
  instant: Date | undefined,
): Promise<Answer> {
  const named = await peopleBehindKeys(pool, workspaceId);
  const authority = withActors(await readAuthority(pool, workspaceId, agent, instant), named);
  const { agent_id: agentId, at } = authority;
  const roles = authority.roles.map(({ role }) => role);
  const { rows } = await pool.query<RoleVersion>(APPROVED_ROLES, [workspaceId, roles, at]);
  const versions = rows.map((version) => ({ ...version, author: named(version.author) }));
  const [{ rows: reviews }, exceptions, reviewed, conflicts] = await Promise.all([
    pool.query<Review>(REVIEWS, [workspaceId, versions.map(({ event_id: event }) => event), at]),
    exceptionsOf(pool, workspaceId, agentId, at),
    reviewsOf(pool, workspaceId, authority, named),
    conflictsOf(pool, workspaceId, authority),
  ]);
  return {
    object: 'answer',
    question: 'authority',
    asked: ASKED.authority,
    agent: authority.agent,
    agent_id: agentId,
    as_of: at,
    period: null,
    sentence: authority.summary,
    claims: authority.exists
      ? [
          ...lifeClaims(authority),
          ...roleClaims(authority, versions, reviews),
          ...reviewed,
          ...conflicts,
          ...exceptions,
          training(reviews),
        ]
      : [],
    tables: [capabilityTable(authority), credentialTable(authority)],
    not_covered: [
      'Permissions that tools give by themselves to credentials which HiveKey does not hold.',
      ...authority.no_record,
    ],
  };
}

function lifeClaims({ agent, admission, created, owner, version }: Authority): readonly Claim[] {
  return [
    ...(admission === null
      ? [unrecorded('Request', `Nobody other than whoever created ${agent} let it in.`)]
      : [
          recorded(
            'Request',
            `${admission.requested_by} asked for it: ${admission.reason}`,
            admission.requested_event,
            {
              at: iso(admission.requested_at),
              by: admission.requested_by,
            },
          ),
          recorded('Approval', `${admission.approved_by} let it in.`, admission.approved_event, {
            at: iso(admission.approved_at),
            by: admission.approved_by,
          }),
        ]),
    created === null
      ? unrecorded('Creation', 'Nobody is known to have created it.')
      : recorded('Creation', `${created.by} created it.`, created.event, { at: iso(created.at), by: created.by }),
    owner === null
      ? unrecorded('Owner', 'Nobody is accountable for it.')
      : recorded('Owner', `${owner.owner} is accountable for it.`, owner.event, {
          at: iso(owner.since),
          by: owner.given_by,
        }),
    version === null
      ? unrecorded('Made of', 'Model, prompt version and tools were not declared.')
      : recorded('Made of', `Version ${version.version} was declared.`, version.event, {
          at: iso(version.at),
          by: version.author,
        }),
  ];
}

function roleClaims(
  { roles }: Authority,
  versions: readonly RoleVersion[],
  reviews: readonly Review[],
): readonly Claim[] {
  if (roles.length === 0) return [computed('Role', 'It wears no role and may do nothing.', 'the history of its roles')];
  return roles.flatMap((worn) => {
    const version = versions.find(({ role }) => role === worn.role);
    return [
      recorded('Role', `${worn.granted_by} gave it ${worn.role}.`, worn.event, {
        at: iso(worn.granted_at),
        by: worn.granted_by,
      }),
      ...(version === undefined
        ? [unrecorded('Version of the role', `What ${worn.role} allowed is not known.`)]
        : versionClaims(
            version,
            reviews.filter(({ role }) => role === worn.role),
          )),
    ];
  });
}

function versionClaims(version: RoleVersion, reviews: readonly Review[]): readonly Claim[] {
  const { role, change, author, activated_at: at, event_id: event } = version;
  const written = recorded(
    'Version of the role',
    `Version ${version.version} of ${role} was written by ${author}${change === null ? '' : ` in ${change}${version.class === 'emergency' ? ', an emergency' : ''}`}.`,
    event,
    { at: at.toISOString(), by: author },
  );
  if (reviews.length === 0)
    return [
      written,
      unrecorded(
        'Approval of the role',
        `Nobody else approved version ${version.version} of ${role} (${version.basis}).`,
      ),
    ];
  return [
    written,
    ...reviews.map(({ person, stage, at: reviewed, event_id }) =>
      recorded(
        'Approval of the role',
        `${person} approved version ${version.version} of ${role}${stage === 'after' ? ' after it was in force' : ''}.`,
        event_id,
        { at: reviewed.toISOString(), by: person },
      ),
    ),
  ];
}

/** The last decision about each role that it wears. */
async function reviewsOf(
  pool: Pool,
  workspaceId: WorkspaceId,
  authority: Authority,
  named: (actor: string) => string,
): Promise<readonly Claim[]> {
  const { agent, agent_id: id, at, roles } = authority;
  const { rows } = await pool.query<{
    item: string;
    role: string;
    decision: string;
    reason: string;
    actor: string;
    submitted_at: Date;
    event_id: string;
  }>(LAST_REVIEW, [workspaceId, id, at]);
  return roles.map(({ role }) => {
    const last = rows.find((row) => row.role === role);
    if (last === undefined) return unrecorded('Last review', `Nobody has reviewed that ${agent} wears ${role}.`);
    const { item, decision, reason, actor, submitted_at: submitted, event_id: event } = last;
    return recorded('Last review', `${item}: ${decision}${reason === '' ? '' : ` (${reason})`}.`, event, {
      at: submitted.toISOString(),
      by: named(actor),
    });
  });
}

async function conflictsOf(pool: Pool, workspaceId: WorkspaceId, authority: Authority): Promise<readonly Claim[]> {
  const { agent, agent_id: id, at, roles } = authority;
  const { rows } = await pool.query<{
    name: string;
    roles: string[];
    person: string | null;
    reason: string | null;
    until: Date | null;
  }>(SEGREGATION, [workspaceId, id, at]);
  if (rows.length === 0)
    return [unrecorded('Segregation of duties', 'Nobody has said which roles are not to be in one hand.')];
  const worn = new Set(roles.map(({ role }) => role));
  const hits = rows.filter((set) => set.roles.filter((role) => worn.has(role)).length > 1);
  if (hits.length === 0)
    return [
      computed(
        'Segregation of duties',
        `${agent} wears no two roles that are not to be in one hand.`,
        `${rows.length} sets of roles`,
      ),
    ];
  return hits.map(({ name, person, reason, until }) =>
    person === null || until === null
      ? unrecorded('Segregation of duties', `${agent} wears two roles of "${name}", and nobody has accepted that.`)
      : computed(
          'Segregation of duties',
          `${agent} wears two roles of "${name}"; ${person} accepted that until ${until.toISOString().slice(0, 10)}: ${reason}`,
          `the set "${name}"`,
          { by: person },
        ),
  );
}

async function exceptionsOf(
  pool: Pool,
  workspaceId: WorkspaceId,
  agentId: string,
  at: string,
): Promise<readonly Claim[]> {
  const { rows } = await pool.query<{ id: string; person: string; reason: string; accepted_at: Date; until: Date }>(
    ACCEPTANCES,
    [workspaceId, agentId, at],
  );
  if (rows.length === 0) return [];
  const { rows: records } = await pool.query<{ event_id: string; acceptance: string }>(ACCEPTED_RECORDS, [
    workspaceId,
    rows.map(({ id }) => id),
  ]);
  const eventOf = new Map(records.map(({ acceptance, event_id: event }) => [acceptance, event]));
  return rows.map(({ id, person, reason, accepted_at: accepted, until }) =>
    recorded(
      'Accepted risk',
      `${person} accepted its blast radius until ${until.toISOString().slice(0, 10)}: ${reason}`,
      eventOf.get(id) ?? null,
      { at: accepted.toISOString(), by: person },
    ),
  );
}

/** HiveKey keeps no training of people. That is said, for an auditor asks. */
function training(reviews: readonly Review[]): Claim {
  const people = [...new Set(reviews.map(({ person }) => person))];
  return unrecorded(
    'Training of the approver',
    people.length === 0
      ? 'Nobody approved a role.'
      : `What ${people.join(' and ')} learned about reviewing is kept elsewhere.`,
  );
}

function capabilityTable({ roles }: Authority): Answer['tables'][number] {
  return {
    name: 'capabilities',
    title: 'What its roles allowed',
    columns: ['role', 'revision', 'capability', 'guards of the role'],
    rows: roles.flatMap(({ role, revision }) =>
      (revision?.allow ?? []).map((capability) => [
        role,
        revision?.revision ?? null,
        capability,
        revision?.guards ?? null,
      ]),
    ),
  };
}

function credentialTable({ credentials }: Authority): Answer['tables'][number] {
  return {
    name: 'credentials',
    title: 'How it proved itself',
    columns: ['kind', 'id', 'name', 'made by', 'made at', 'ends at', 'record'],
    rows: credentials.map(
      ({ kind, id, name, created_by: by, created_at: made, expires_at: ends, ended_at: ended, event }) => [
        kind,
        id,
        name,
        by,
        iso(made),
        iso(ended ?? ends),
        event,
      ],
    ),
  };
}
