/** Columns are written down in one line each. */
import type { CellKind, Column } from '@hivekey/evidence';

export function column(name: string, kind: CellKind, about: string): Column {
  return { name, kind, about };
}
