/** Item 2, the role catalogue: what each role allowed and by which rules, in every version that was in force in the period. */
import { canonicalJson } from '@hivekey/action-log';
import type { Cell, Json, TableShape } from '@hivekey/evidence';
import { covers, type Guard, type Shape, shapeOf } from '@hivekey/policy';
import { findArchived } from '../../roles/index.ts';
import { column } from '../column.ts';
import { membersOf } from '../history/document.ts';
import { contentOf, type RoleContent } from '../history/role-content.ts';
import {
  type Approval,
  approvalsOfChanges,
  isInForceSince,
  type ObjectVersion,
  versionsUntilEnd,
} from '../history/versions.ts';
import { pathPart } from '../path-part.ts';
import { endOf } from '../period.ts';
import { population } from '../population.ts';
import type { Attachment, Report, ReportContent, ReportScope } from '../report.ts';

const OF_ROLE = [
  column('role_id', 'id', 'Name of the role, which is its id.'),
  column('name', 'text', 'The same, for people.'),
  column('description', 'text', 'As its document says.'),
  column('version', 'integer', 'Of the role: from 1, without gaps.'),
  column('version_hash', 'id', 'SHA-256 of the RFC 8785 form of the document.'),
  column('status', 'text', 'At the end of the period: `in force`, `replaced` or `removed`.'),
  column('risk_tier', 'text', 'Risk that the change which brought it was given. Empty: no change did.'),
  column('owner', 'text', 'Who wrote the version.'),
  column('approved_by', 'list', 'People who approved it. Empty: no record that anybody did.'),
  column('approved_at', 'time', 'When it was approved.'),
  column('effective_from', 'time', 'When it came into force.'),
  column('effective_to', 'time', 'When something else did. Empty: it was in force at the end of the period.'),
];
const LAST = [
  column('assigned_agent_count', 'integer', 'Agents that wore the role when the row ended, or the period did.'),
  column(
    'sod_conflicts',
    'list',
    'Agents that wore it then together with a role that is to be kept apart from it: `set: agent with role`.',
  ),
  column('last_reviewed_at', 'time', 'When the role was last decided in a review, up to the end of the period.'),
  column('change_id', 'id', 'The change that brought the version, by name. Empty: none did.'),
  column('basis', 'text', 'On what ground it came: `change`, `direct` (nobody reviewed it), `adopted`, `restored`, …'),
  column('event_id', 'id', 'The record of the log that has its hash.'),
];

const RULES: TableShape = {
  name: 'role-capability-guard',
  title: 'One row for each role, capability and guard',
  columns: [
    ...OF_ROLE,
    column('capability_id', 'id', 'Name of the capability. No pattern: roles name each.'),
    column('capability_version', 'integer', 'Of its definition. Empty: none is known.'),
    column(
      'constraint_json',
      'json',
      'Its definition: access, destructive, impact of a call, whether it reaches outside.',
    ),
    column('guard_id', 'id', '`role/guard`, `workspace/guard` or `freeze/name`. Empty: no rule bounds it.'),
    column('guard_version', 'integer', 'How often the guard has changed, with its first time.'),
    column('guard_type', 'text', '`cap`, `rate`, `approval`, `allow-list`, `freeze`, `refusal` or `rule`.'),
    column('guard_parameters', 'json', 'The rule itself.'),
    column('preventive_or_detective', 'text', '`preventive`; `detective` of a guard in shadow, which only records.'),
    ...LAST,
  ],
};

const ROLES: TableShape = {
  name: 'roles',
  title: 'Roles alone',
  columns: [
    ...OF_ROLE,
    column('capability_count', 'integer', 'Capabilities that it allows.'),
    column('guard_count', 'integer', 'Guards of the role itself.'),
    ...LAST,
  ],
};

const QUERY = `Every version of every role that was in force at any moment from the start of the period until its end (object_versions, type role), by each capability that it allows, by each guard that covers the capability: those of the role, those of the workspace and change freezes that were in force at the same time. Where a guard of the workspace or a freeze changed meanwhile, the row is cut at that instant. A capability that no guard covers has one row without a guard.`;

export const rolesReport: Report = {
  id: 'roles',
  folder: '02_roles',
  item: 2,
  title: 'Role catalogue',
  about:
    'What each role allowed and by which rules, with every version that was in force in the period, who wrote and who approved it. It proves what agents could do at any moment of the period, and not what they can today.',
  controls: ['AG-03', 'AG-04', 'AG-08', 'AG-18'],
  tables: [RULES, ROLES],
  query: QUERY,
  read: readRoles,
};

async function readRoles(scope: ReportScope): Promise<ReportContent> {
  const { client, workspaceId, period } = scope;
  const end = endOf(period, scope.asOf);
  const history = new History(
    scope,
    await versionsUntilEnd(scope, ['role', 'workspace_guards', 'freeze', 'capability', 'definition']),
  );
  const inForce = history.of('role').filter((version) => isInForceSince(version, period.from));
  const changes = await approvalsOfChanges(
    scope,
    inForce.flatMap(({ change_id: id }) => (id === null ? [] : [id])),
  );
  const worn = await wearers(scope, inForce, end);
  const conflicts = await conflictsOf(scope, inForce, end);
  const reviewed = await lastReviews(scope, end);
  const headOf = (version: ObjectVersion, at: number) => ({
    ...headRow(version, version.change_id === null ? undefined : changes.get(version.change_id)),
    assigned_agent_count: worn[at] ?? 0,
    last_reviewed_at: reviewed.get(version.id) ?? null,
    sod_conflicts: conflicts[at] ?? [],
  });

  let grantsSeen = 0;
  function* rules(): Generator<object, void, undefined> {
    for (const [at, version] of inForce.entries()) {
      const head = headOf(version, at);
      const capabilities = new Set<Cell | undefined>();
      for (const row of history.rulesOf(version)) {
        capabilities.add(row.capability_id);
        yield { ...head, ...row };
      }
      grantsSeen += capabilities.size;
    }
  }
  function* roles(): Generator<object, void, undefined> {
    for (const [at, version] of inForce.entries()) {
      const content = contentOf(version);
      yield { ...headOf(version, at), capability_count: content.allow.length, guard_count: content.guards.length };
    }
  }
  const ofRules = population(RULES, rules(), { count: ['status', 'guard_type'] });
  const ofRoles = population(ROLES, roles(), { count: ['status', 'basis'] });
  return {
    rows: { [RULES.name]: ofRules.rows, [ROLES.name]: ofRoles.rows },
    facts: async () => {
      const { rows } = await client.query<{ versions: number; grants: number }>(
        `SELECT count(*) AS versions, coalesce(sum(json_array_length(v.document -> 'scope' -> 'allow')), 0)::bigint AS grants
           FROM object_versions v
          WHERE v.workspace_id = $1 AND v.object_type = 'role' AND v.document IS NOT NULL AND v.activated_at < $3
            AND NOT EXISTS (SELECT FROM object_versions n
                             WHERE n.workspace_id = v.workspace_id AND n.object_type = v.object_type AND n.object_id = v.object_id
                               AND n.version = v.version + 1 AND n.activated_at <= $2)`,
        [workspaceId, period.from, end],
      );
      const { versions = 0, grants = 0 } = rows[0] ?? {};
      return {
        // Rows are grants by the rules that cover each: what another query counts are the grants.
        [RULES.name]: ofRules.facts(
          { 'database: grants': grants },
          {
            control_totals: { role_versions: versions, grants: grantsSeen, unexpanded_wildcards: 0 },
            tie_out:
              grantsSeen === grants
                ? 'equal'
                : {
                    difference: grantsSeen - grants,
                    reason: `the table has ${grantsSeen} grants, database counts ${grants}`,
                  },
          },
        ),
        [ROLES.name]: ofRoles.facts({ database: versions }, { control_totals: { grants } }),
      };
    },
    attachments: () => documents(scope, inForce, end),
  };
}

function headRow(version: ObjectVersion, change: Approval | undefined): Record<string, Cell> {
  const { id, sha256, until } = version;
  return {
    role_id: id,
    name: id,
    description: contentOf(version).description,
    version: version.version,
    version_hash: sha256,
    status: until === null ? 'in force' : version.was_removed ? 'removed' : 'replaced',
    risk_tier: change?.risk ?? null,
    owner: version.author,
    approved_by: [...(change?.approvers ?? [])],
    approved_at: change?.approved_at?.toISOString() ?? null,
    effective_from: version.activated_at.toISOString(),
    effective_to: until?.toISOString() ?? null,
    change_id: change?.name ?? null,
    basis: version.basis,
    event_id: version.event_id,
  };
}

/** A guard for as long as it said the same. */
interface Rule {
  readonly id: string;
  readonly version: number;
  readonly type: string;
  readonly parameters: Json;
  readonly isShadow: boolean;
  readonly from: string;
  readonly to: string | null;
  readonly covers: (role: string, capability: string) => boolean;
}

const FOR_EVER = '9999';

class History {
  readonly #from: string;
  readonly #byType: ReadonlyMap<string, readonly ObjectVersion[]>;
  readonly #capabilities: ReadonlyMap<string, readonly ObjectVersion[]>;
  readonly #ofRoles: ReadonlyMap<ObjectVersion, readonly Rule[]>;
  readonly #ofAll: readonly Rule[];

  constructor({ period }: ReportScope, versions: readonly ObjectVersion[]) {
    this.#from = period.from;
    this.#byType = Map.groupBy(versions, ({ type }) => type);
    this.#capabilities = Map.groupBy(
      versions.filter(({ type }) => type === 'capability' || type === 'definition'),
      ({ id }) => id,
    );
    this.#ofRoles = guardRules(this.of('role'));
    this.#ofAll = [
      ...[...guardRules(this.of('workspace_guards')).values()].flat(),
      ...this.of('freeze').flatMap((version) => freezeRule(version, (name) => this.#definition(name, FOR_EVER))),
    ];
  }

  of(type: string): readonly ObjectVersion[] {
    return this.#byType.get(type) ?? [];
  }

  /** Of a version of a role: its capabilities by the rules that covered each, and for how long. */
  *rulesOf(role: ObjectVersion): Generator<Record<string, Cell>, void, undefined> {
    const [from, to] = [role.activated_at.toISOString(), role.until?.toISOString() ?? null];
    const others = this.#ofAll.filter((rule) => overlap(rule, { from: later(from, this.#from), to }));
    for (const capability of contentOf(role).allow) {
      const rules = [...(this.#ofRoles.get(role) ?? []), ...others].filter((rule) => rule.covers(role.id, capability));
      if (rules.length === 0) yield this.#row(capability, undefined, from, to);
      for (const rule of rules) yield this.#row(capability, rule, later(from, rule.from), earlier(to, rule.to));
    }
  }

  #row(capability: string, rule: Rule | undefined, from: string, to: string | null): Record<string, Cell> {
    const definition = this.#definition(capability, to ?? FOR_EVER);
    return {
      effective_from: from,
      effective_to: to,
      capability_id: capability,
      capability_version: definition?.version ?? null,
      constraint_json: definition === undefined ? null : definitionOf(definition.document),
      guard_id: rule?.id ?? null,
      guard_version: rule?.version ?? null,
      guard_type: rule?.type ?? null,
      guard_parameters: rule?.parameters ?? null,
      preventive_or_detective: rule === undefined ? null : rule.isShadow ? 'detective' : 'preventive',
    };
  }

  #definition(capability: string, before: string): ObjectVersion | undefined {
    return this.#capabilities
      .get(capability)
      ?.findLast(({ activated_at: at, sha256 }) => sha256 !== null && at.toISOString() < before);
  }
}

/** The guards of each version of each object, with how often each has changed until then. */
function guardRules(versions: readonly ObjectVersion[]): ReadonlyMap<ObjectVersion, readonly Rule[]> {
  const counted = new Map<string, { readonly content: string; readonly version: number }>();
  return new Map(
    versions.map((version): [ObjectVersion, readonly Rule[]] => [
      version,
      (version.sha256 === null ? NO_CONTENT : contentOf(version)).guards.map((guard) => {
        const key = `${version.type} ${version.id} ${guard.id}`;
        const parameters = parametersOf(guard);
        const content = canonicalJson(parameters);
        const before = counted.get(key);
        const number = before === undefined ? 1 : before.content === content ? before.version : before.version + 1;
        counted.set(key, { content, version: number });
        return {
          id: `${guard.origin}/${guard.id}`,
          version: number,
          type: guardType(shapeOf(guard)),
          parameters,
          isShadow: guard.mode === 'shadow',
          from: version.activated_at.toISOString(),
          to: version.until?.toISOString() ?? null,
          covers: (_role, capability) => covers(guard.action, capability),
        };
      }),
    ]),
  );
}

const NO_CONTENT: RoleContent = { description: '', allow: [], guards: [] };

function parametersOf({ id: _id, origin: _origin, ...guard }: Guard): Json {
  return JSON.parse(JSON.stringify(guard));
}

function guardType({ kind }: Shape): string {
  switch (kind) {
    case 'cap':
    case 'call cap':
      return 'cap';
    case 'threshold':
    case 'approval':
      return 'approval';
    case 'list':
      return 'allow-list';
    default:
      return kind;
  }
}

function freezeRule(version: ObjectVersion, definition: (name: string) => ObjectVersion | undefined): readonly Rule[] {
  if (version.sha256 === null) return [];
  const { metadata: _metadata, apiVersion: _api, kind: _kind, ...parameters } = membersOf(version.document);
  const scope = membersOf(parameters.scope ?? null);
  const [actions, classes, roles] = [textsOf(scope.actions), textsOf(scope.classes), textsOf(scope.roles)];
  const stopsActions = scope.changes === undefined || actions.length + classes.length + roles.length > 0;
  return [
    {
      id: `freeze/${version.id}`,
      version: version.version,
      type: 'freeze',
      parameters,
      isShadow: false,
      from: version.activated_at.toISOString(),
      to: version.until?.toISOString() ?? null,
      covers: (role, capability) => {
        if (!stopsActions || (actions.length > 0 && !actions.some((pattern) => covers(pattern, capability))))
          return false;
        if (roles.length > 0 && !roles.includes(role)) return false;
        if (classes.length === 0) return true;
        const known = definition(capability);
        if (known === undefined) return true;
        const { access, destructive } = membersOf(known.document);
        return classes.some((each) => (each === 'destructive' ? destructive === true : access === each));
      },
    },
  ];
}

function definitionOf(document: Json): Json {
  const { apiVersion: _api, kind: _kind, metadata: _metadata, input_schema: _schema, ...rest } = membersOf(document);
  return rest;
}

function textsOf(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}

function overlap(
  one: { readonly from: string; readonly to: string | null },
  other: { readonly from: string; readonly to: string | null },
): boolean {
  return one.from < (other.to ?? FOR_EVER) && other.from < (one.to ?? FOR_EVER);
}

function later(one: string, other: string): string {
  return one > other ? one : other;
}

function earlier(one: string | null, other: string | null): string | null {
  if (one === null || other === null) return one ?? other;
  return one < other ? one : other;
}

/** Agents that wore the role as the version ended, in the order of the versions. */
async function wearers(
  { client, workspaceId }: ReportScope,
  versions: readonly ObjectVersion[],
  end: string,
): Promise<readonly number[]> {
  const { rows } = await client.query<{ worn: number }>(
    `SELECT (SELECT count(*) FROM agent_role_history h JOIN agents a ON a.workspace_id = h.workspace_id AND a.id = h.agent_id
              WHERE h.workspace_id = $1 AND h.role = t.role AND h.granted_at < t.at AND (h.removed_at IS NULL OR h.removed_at >= t.at)
                AND a.rehearsal_id IS NULL) AS worn
       FROM unnest($2::text[], $3::timestamptz[]) WITH ORDINALITY AS t (role, at, place) ORDER BY t.place`,
    [workspaceId, versions.map(({ id }) => id), versions.map(({ until }) => until ?? end)],
  );
  return rows.map(({ worn }) => worn);
}

/** Whose duties were to be kept apart and were not as the version ended, accepted or not, in the order of the versions. */
async function conflictsOf(
  { client, workspaceId }: ReportScope,
  versions: readonly ObjectVersion[],
  end: string,
): Promise<readonly (readonly string[])[]> {
  const { rows } = await client.query<{ conflicts: string[] }>(
    `SELECT ARRAY(
       SELECT s.name || ': ' || h.agent_id || ' with ' || o.role
         FROM segregation_sets s
         JOIN agent_role_history h ON h.workspace_id = s.workspace_id AND h.role = t.role
         JOIN agent_role_history o ON o.workspace_id = h.workspace_id AND o.agent_id = h.agent_id AND o.role <> h.role AND o.role = ANY(s.roles)
         JOIN agents a ON a.workspace_id = h.workspace_id AND a.id = h.agent_id AND a.rehearsal_id IS NULL
        WHERE s.workspace_id = $1 AND t.role = ANY(s.roles) AND s.created_at < t.at AND (s.ended_at IS NULL OR s.ended_at >= t.at)
          AND h.granted_at < t.at AND (h.removed_at IS NULL OR h.removed_at >= t.at)
          AND o.granted_at < t.at AND (o.removed_at IS NULL OR o.removed_at >= t.at)
        ORDER BY 1) AS conflicts
       FROM unnest($2::text[], $3::timestamptz[]) WITH ORDINALITY AS t (role, at, place) ORDER BY t.place`,
    [workspaceId, versions.map(({ id }) => id), versions.map(({ until }) => until ?? end)],
  );
  return rows.map(({ conflicts }) => conflicts);
}

async function lastReviews({ client, workspaceId }: ReportScope, end: string): Promise<ReadonlyMap<string, string>> {
  const { rows } = await client.query<{ role: string; at: Date }>(
    `SELECT i.role, max(i.decided_at) AS at FROM review_items i
       JOIN review_campaigns c ON c.workspace_id = i.workspace_id AND c.id = i.campaign_id
      WHERE i.workspace_id = $1 AND i.item_type = 'role' AND i.decided_at < $2 AND (c.voided_at IS NULL OR c.voided_at >= $2)
      GROUP BY i.role`,
    [workspaceId, end],
  );
  return new Map(rows.map(({ role, at }) => [role, at.toISOString()]));
}

/** The documents themselves, and the policy that was in force at the end, from which a reader computes its hash again. */
async function* documents(
  { client, workspaceId }: ReportScope,
  versions: readonly ObjectVersion[],
  end: string,
): AsyncGenerator<Attachment, void, undefined> {
  for (const { id, version, document } of versions)
    yield { path: `history/${pathPart(id)}/v${version}.json`, bytes: Buffer.from(canonicalJson(document)) };
  const policy = await findArchived(client, workspaceId, { kind: 'at', at: Date.parse(end) / 1000 - 1 });
  if (policy !== undefined)
    yield {
      path: `policy/revision-${policy.revision}.json`,
      bytes: Buffer.from(canonicalJson(JSON.parse(JSON.stringify(policy.set)))),
    };
}
