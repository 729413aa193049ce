/** Item 3, the matrix: what the decision engine answers for each role and capability, under the policy of the period's end. */
import { canonicalJson } from '@hivekey/action-log';
import { type Facts, type Json, matrixDocument, type TableShape } from '@hivekey/evidence';
import { type MatrixAnswer, matrixCells, type PolicySet, wearerCells } from '@hivekey/policy';
import { Failure } from '../../errors.ts';
import { cellsOf, type MatrixCells, pageOf } from '../../matrix/index.ts';
import { type ArchivedPolicy, findArchived } from '../../roles/index.ts';
import { column } from '../column.ts';
import { pdfOf } from '../pdf.ts';
import { endOf } from '../period.ts';
import { population } from '../population.ts';
import type { Attachment, Report, ReportContent, ReportScope } from '../report.ts';

const CELL = [
  column('capability', 'id', 'Name of the capability.'),
  column('system', 'text', 'What comes before the first dot of it.'),
  column(
    'mark',
    'text',
    '`—` refused, `A` allowed, `A≤` allowed within limits, `H` a person must approve, `F` refused by a freeze that is in force.',
  ),
  column('text', 'text', 'The mark with its limits, in few words.'),
  column('guard_ids', 'list', '`origin/id` of the guards that had a say.'),
  column('freezes', 'list', 'Change freezes whose scope it is in, in force or not.'),
  column(
    'decisions_asked',
    'integer',
    'Calls that the engine was asked about for the cell: `decision-sweep.jsonl` has them.',
  ),
];

const ROLES: TableShape = {
  name: 'matrix',
  title: 'Roles and capabilities',
  columns: [column('role', 'id', 'Name of the role.'), ...CELL],
};

const AGENTS: TableShape = {
  name: 'matrix-agents',
  title: 'Agents and capabilities, refused ones left out',
  columns: [
    column('agent_id', 'id', 'The agent.'),
    column('agent', 'text', 'Its handle.'),
    column('roles', 'list', 'What it wore at that instant: all of it counts at once.'),
    ...CELL,
  ],
};

export const matrixReport: Report = {
  id: 'matrix',
  folder: '03_matrix',
  item: 3,
  title: 'Role-capability matrix',
  about:
    'What each role may do at the end of the period. Each cell is answers of the decision engine, which decides every call, to calls at and beside each limit (cap − 1, cap, cap + 1): produced by calling it, not drawn. `matrix.pdf` and `matrix.svg` are the page to be signed; `decision-sweep.jsonl` has every question and answer.',
  controls: ['AG-03', 'AG-18'],
  tables: [ROLES, AGENTS],
  query:
    'The policy that was in force at the end of the period, or at the instant `at`, as it was kept when it was published; every role of it by every capability that it knows or grants; every agent that was not revoked then by the same, with all roles that it wore.',
  parameters: { at: 'An instant of the period, ISO 8601, in place of its end.' },
  pdf: true,
  read: readMatrix,
  about_parameters: async (scope) => {
    const { policy, atMs } = await policyAt(scope);
    return {
      policy_hash: policy?.hash ?? null,
      policy_revision: policy?.revision ?? null,
      at: new Date(atMs).toISOString(),
      unexpanded_wildcards: 0,
      statement: 'Produced by calling the decision engine, not drawn.',
    };
  },
};

interface Wearer {
  id: string;
  handle: string;
  roles: string[];
}

const WEARERS = `
SELECT a.id, a.handle, ARRAY(SELECT h.role FROM agent_role_history h
         WHERE h.workspace_id = a.workspace_id AND h.agent_id = a.id AND h.granted_at <= $2
           AND (h.removed_at IS NULL OR h.removed_at > $2) ORDER BY h.number) AS roles
  FROM agents a
 WHERE a.workspace_id = $1 AND a.rehearsal_id IS NULL AND a.created_at <= $2
   AND NOT EXISTS (SELECT FROM containment_agents c JOIN containments k ON k.workspace_id = c.workspace_id AND k.id = c.containment_id
                    WHERE c.workspace_id = a.workspace_id AND c.agent_id = a.id AND k.ordered_at <= $2
                      AND (k.lifted_at IS NULL OR k.lifted_at > $2))
 ORDER BY a.id`;

async function readMatrix(scope: ReportScope): Promise<ReportContent> {
  const { client, workspaceId } = scope;
  const { policy, atMs } = await policyAt(scope);
  const { rows: wearers } = await client.query<Wearer>(WEARERS, [workspaceId, new Date(atMs)]);
  const set = policy?.set ?? NOTHING;
  const cells = matrixCells(set, { atMs });
  const worn = [...new Map(wearers.map(({ roles }) => [keyOf(roles), roles])).values()];
  const ofWorn = new Map(wearerCells(set, worn, { atMs }).map((each, i) => [keyOf(worn[i] ?? []), each]));

  function* ofAgents(): Generator<object, void, undefined> {
    for (const { id, handle, roles } of wearers)
      for (const cell of ofWorn.get(keyOf(roles)) ?? [])
        if (cell.mark !== '—') yield { agent_id: id, agent: handle, roles, ...cellRow(cell) };
  }
  const matrix = population(
    ROLES,
    cells.map((cell) => ({ role: cell.role, ...cellRow(cell) })),
    {
      count: ['mark'],
      sum: [{ column: 'decisions_asked' }],
    },
  );
  const agents = population(AGENTS, ofAgents(), { count: ['mark'] });
  const known = new Set([...set.capabilities.map(({ name }) => name), ...set.roles.flatMap(({ allow }) => allow)]).size;
  const granted = [...ofWorn.values()].map((each) => each.filter(({ mark }) => mark !== '—').length);
  return {
    rows: { [ROLES.name]: matrix.rows, [AGENTS.name]: agents.rows },
    facts: async (): Promise<Readonly<Record<string, Facts>>> => ({
      [ROLES.name]: matrix.facts(
        { 'policy: roles × capabilities': set.roles.length * known },
        { control_totals: { roles: set.roles.length, capabilities: known, unexpanded_wildcards: 0 } },
      ),
      [AGENTS.name]: agents.facts(
        {
          'policy: agents × what is not refused': wearers.reduce(
            (sum, { roles }) => sum + (granted[worn.findIndex((each) => keyOf(each) === keyOf(roles))] ?? 0),
            0,
          ),
        },
        { control_totals: { agents: wearers.length, sets_of_roles: worn.length }, filters: ['mark is not —'] },
      ),
    }),
    attachments: () => drawings(scope, policy, atMs, worn),
  };
}

const NOTHING: PolicySet = { revision: 0, roles: [], workspaceGuards: [], capabilities: [] };

function keyOf(roles: readonly string[]): string {
  return JSON.stringify([...roles].sort());
}

function cellRow({
  capability,
  mark,
  text,
  guards,
  freezes,
  probes,
}: ReturnType<typeof matrixCells>[number]): Record<string, unknown> {
  return {
    capability,
    system: capability.includes('.') ? capability.slice(0, capability.indexOf('.')) : '',
    mark,
    text,
    guard_ids: [...guards],
    freezes: [...freezes],
    decisions_asked: probes,
  };
}

/** The last instant of the period, or the one that is asked for. Throws `parameter_invalid`. */
async function policyAt({
  client,
  workspaceId,
  period,
  asOf,
  parameters: { at },
}: ReportScope): Promise<{ readonly policy: ArchivedPolicy | undefined; readonly atMs: number }> {
  const end = endOf(period, asOf);
  const atMs = at === undefined ? Date.parse(end) - 1 : Date.parse(at);
  if (!(atMs >= Date.parse(period.from) && atMs < Date.parse(end)))
    throw new Failure(
      422,
      'parameter_invalid',
      'That instant is not in the period, or has not come.',
      'Give at as ISO 8601, from the start of the period and before its end; or leave it out.',
    );
  return { policy: await findArchived(client, workspaceId, { kind: 'at', at: (atMs + 1) / 1000 - 1 }), atMs };
}

async function* drawings(
  { client, workspaceId, period, asOf }: ReportScope,
  policy: ArchivedPolicy | undefined,
  atMs: number,
  worn: readonly (readonly string[])[],
): AsyncGenerator<Attachment, void, undefined> {
  if (policy === undefined) return;
  const { rows } = await client.query<{ workspace: string; environment: string; sample_data: boolean }>(
    'SELECT name AS workspace, environment, sample_data FROM workspaces WHERE id = $1',
    [workspaceId],
  );
  const [titled] = rows;
  if (titled === undefined) throw new Error(`there is no workspace ${workspaceId}`);
  const view: MatrixCells = cellsOf(policy.set, atMs);
  const svg = pageOf(titled, view);
  const frame = {
    tenant: titled.workspace,
    environment: titled.environment,
    period,
    asOf,
    generatedAt: new Date(atMs).toISOString(),
    csvSha256: null,
    isSample: titled.sample_data,
  };
  yield { path: 'matrix.svg', bytes: Buffer.from(svg) };
  yield { path: 'matrix.pdf', bytes: await pdfOf(matrixDocument(frame, view, svg)) };
  yield { path: 'decision-sweep.jsonl', bytes: sweep(policy.set, atMs, worn) };
}

/** Roles whose answers are in memory at once. */
const ROLES_AT_ONCE = 25;

/** Every question and answer: of each role, then of each set of roles that an agent wears. */
async function* sweep(
  set: PolicySet,
  atMs: number,
  worn: readonly (readonly string[])[],
): AsyncGenerator<Uint8Array, void, undefined> {
  const lines: string[] = [];
  const onAnswer = (answer: MatrixAnswer): void => {
    lines.push(`${lineOf(answer)}\n`);
  };
  const roles = set.roles.map(({ name }) => name).sort();
  for (let i = 0; i < roles.length; i += ROLES_AT_ONCE) {
    matrixCells(set, { atMs, onAnswer, roles: new Set(roles.slice(i, i + ROLES_AT_ONCE)) });
    yield Buffer.from(lines.splice(0).join(''));
  }
  const several = worn.filter((each) => each.length > 1);
  for (let i = 0; i < several.length; i += ROLES_AT_ONCE) {
    wearerCells(set, several.slice(i, i + ROLES_AT_ONCE), { atMs, onAnswer });
    yield Buffer.from(lines.splice(0).join(''));
  }
}

function lineOf({ decision, ...question }: MatrixAnswer): string {
  const { verdict, reasonClass, reason, policyHash, trace } = decision;
  const said = trace.map(({ rule, origin, result, detail }) => ({ rule, origin, result, detail }));
  const line: Json = JSON.parse(JSON.stringify({ ...question, verdict, reasonClass, reason, policyHash, trace: said }));
  return canonicalJson(line);
}
