/** The matrix as the decision engine answers it: one cell for each role and capability, none of them drawn by hand. */
import { type CellMark, type MatrixCell, matrixCells, type PolicySet, policyHash } from '@hivekey/policy';
import { z } from 'zod';

const CELL_MARKS = ['—', 'A', 'A≤', 'H', 'F'] as const satisfies readonly CellMark[];

export const matrixCellsSchema = z
  .object({
    object: z.literal('matrix_cells'),
    policy: z.string().meta({ description: 'Hash of the policy that was asked.' }),
    policy_revision: z.int(),
    at: z.int().meta({ description: 'Time by which change freezes are in force, epoch seconds.' }),
    roles: z.array(z.string()),
    capabilities: z.array(z.string()),
    cells: z
      .array(
        z.object({
          role: z.string(),
          capability: z.string(),
          mark: z.enum(CELL_MARKS).meta({
            description:
              '`A` allowed, `A≤` within limits, `H` a person must approve, `F` refused by a freeze in force.',
          }),
          text: z.string().meta({ description: 'The mark with the limits, in few words.' }),
          guards: z.array(z.string()).meta({ description: '`origin/id` of the guards that had a say.' }),
          freezes: z.array(z.string()).meta({ description: 'Whose scope it is in, in force or not.' }),
          probes: z.int().meta({ description: 'Calls that the engine was asked about.' }),
        }),
      )
      .meta({ description: 'What is not listed is refused (`—`).' }),
    counts: z.record(z.enum(CELL_MARKS), z.int()).meta({ description: 'Cells by mark, with those that are refused.' }),
    wildcards: z.literal(0).meta({ description: 'Grants that stand for more than one capability: none can.' }),
  })
  .meta({
    id: 'MatrixCells',
    description:
      'Each cell is answers of the decision engine to calls on and beside every bound of the rules that apply.',
  });

export type MatrixCells = z.output<typeof matrixCellsSchema>;

export function cellsOf(set: PolicySet, atMs: number): MatrixCells {
  const cells = matrixCells(set, { atMs });
  const counts = Object.fromEntries(
    CELL_MARKS.map((mark) => [mark, cells.filter((cell) => cell.mark === mark).length]),
  ) as Record<CellMark, number>;
  return {
    object: 'matrix_cells',
    policy: policyHash(set),
    policy_revision: set.revision,
    at: Math.floor(atMs / 1_000),
    roles: [...new Set(cells.map(({ role }) => role))],
    capabilities: [...new Set(cells.map(({ capability }) => capability))],
    cells: cells.filter(({ mark }) => mark !== '—').map(plain),
    counts,
    wildcards: 0,
  };
}

function plain({ guards, freezes, ...cell }: MatrixCell): MatrixCells['cells'][number] {
  return { ...cell, guards: [...guards], freezes: [...freezes] };
}
