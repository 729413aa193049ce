/** The matrix as it is drawn: filtered, grouped by namespace, with what each cell says. Pure. */
import type { Matrix, MatrixCapability, MatrixCells, MatrixRole } from '../../api/types.ts';
import { namespaceOf } from '../../ui/format.ts';

export interface MatrixFilter {
  /** Words in the name or description of a capability. */
  readonly q?: string | undefined;
  /** Words in the name of a role. */
  readonly role?: string | undefined;
  readonly show?: 'read' | 'write' | 'granted' | undefined;
}

/** A run of columns of one namespace. */
interface Group {
  readonly namespace: string;
  readonly start: number;
  readonly length: number;
}

export interface Grid {
  readonly roles: readonly MatrixRole[];
  readonly columns: readonly MatrixCapability[];
  readonly groups: readonly Group[];
  cell(role: MatrixRole, capability: MatrixCapability): Cell;
}

export interface Cell {
  readonly granted: boolean;
  /** Sentences of the guards that apply. */
  readonly guards: readonly string[];
  /** What the decision engine answers; undefined while it is asked. */
  readonly answer: MatrixCells['cells'][number] | undefined;
}

const NOTHING: Cell = { granted: false, guards: [], answer: undefined };

export function gridOf(
  { roles, capabilities }: Matrix,
  { q = '', role = '', show }: MatrixFilter,
  answers: MatrixCells['cells'] = [],
): Grid {
  const shownRoles = roles.filter(({ name }) => name.toLowerCase().includes(role.toLowerCase()));
  const grants = new Map(shownRoles.map(({ name, allow }) => [name, new Set(allow)]));
  const answerTo = new Map(answers.map((each) => [`${each.role} ${each.capability}`, each]));
  const words = q.toLowerCase();
  const columns = capabilities
    .filter(({ name, description }) => name.toLowerCase().includes(words) || description.toLowerCase().includes(words))
    .filter(({ name, access }) =>
      show === 'granted'
        ? [...grants.values()].some((allow) => allow.has(name))
        : show === undefined || access === show,
    )
    .sort((a, b) => order(namespaceOf(a.name), namespaceOf(b.name)) || order(a.name, b.name));
  return {
    roles: shownRoles,
    columns,
    groups: groupsOf(columns),
    cell: ({ name, guarded }, capability) =>
      grants.get(name)?.has(capability.name) === true
        ? {
            granted: true,
            guards: guarded[capability.name] ?? [],
            answer: answerTo.get(`${name} ${capability.name}`),
          }
        : NOTHING,
  };
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function groupsOf(columns: readonly MatrixCapability[]): Group[] {
  const groups: Group[] = [];
  columns.forEach(({ name }, i) => {
    const namespace = namespaceOf(name);
    const last = groups.at(-1);
    if (last?.namespace === namespace) groups[groups.length - 1] = { ...last, length: last.length + 1 };
    else groups.push({ namespace, start: i, length: 1 });
  });
  return groups;
}

/** One cell in words, for the line under the grid and for screen readers. */
export function wordsOf(
  role: MatrixRole,
  capability: MatrixCapability,
  { granted, guards }: Pick<Cell, 'granted' | 'guards'>,
): string {
  if (!granted) return `${role.name} may not use ${capability.name}: not granted, so it does not exist for its agents.`;
  const stopped = capability.stopped ? ' It is stopped everywhere at the moment.' : '';
  const how = guards.length === 0 ? 'without a guard' : 'guarded';
  return `${role.name} may use ${capability.name} (${capability.access}), ${how}.${stopped}`;
}

/** The whole grid as CSV, for an auditor's file: one row a role, one column a capability. */
export function csvOf({ roles, columns, cell }: Grid): string {
  const rows = roles.map((role) => [
    role.name,
    String(role.revision),
    String(role.agents),
    ...columns.map((capability) => {
      const { granted, guards, answer } = cell(role, capability);
      if (answer !== undefined) return answer.text;
      return granted ? `${capability.access}${guards.length === 0 ? '' : ' (guarded)'}` : '';
    }),
  ]);
  return [['role', 'revision', 'agents', ...columns.map(({ name }) => name)], ...rows]
    .map((row) => row.map(quoted).join(','))
    .join('\r\n');
}

/** A field that a spreadsheet reads as text, whatever it begins with. */
function quoted(field: string): string {
  const safe = /^[=+\-@\t\r]/.test(field) ? `'${field}` : field;
  return `"${safe.replaceAll('"', '""')}"`;
}
