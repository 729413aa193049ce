import { Skeleton } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './ui.module.css';

export interface Column<T> {
  readonly key: string;
  readonly header: ReactNode;
  /** Width of the column, e.g. `160px`; the rest is shared. */
  readonly width?: string;
  readonly align?: 'end';
  readonly cell: (item: T) => ReactNode;
}

const BARS = Array.from({ length: 8 }, (_, i) => ({ key: `bar ${i}`, width: i % 2 === 0 ? '70%' : '50%' }));

/**
 * Rows of things of one kind. A link with the class `rowLink` (see {@link rowLink}) in a cell makes its whole row
 * clickable while it stays one link to keyboards and screen readers.
 */
export function DataTable<T>({
  label,
  columns,
  rows,
  rowKey,
  empty,
}: {
  readonly label: string;
  readonly columns: readonly Column<T>[];
  /** Undefined while loading: the rows that will come are drawn as bars of the same height. */
  readonly rows: readonly T[] | undefined;
  readonly rowKey: (item: T) => string;
  readonly empty?: ReactNode;
}) {
  if (rows?.length === 0 && empty !== undefined) return <>{empty}</>;
  return (
    <div className={classes.tableScroll}>
      <table className={classes.table} aria-label={label} aria-busy={rows === undefined}>
        <thead>
          <tr>
            {columns.map(({ key, header, width, align }) => (
              <th key={key} scope="col" data-align={align} style={width === undefined ? undefined : { width }}>
                {header}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows === undefined
            ? BARS.map((bar) => (
                <tr key={bar.key}>
                  {columns.map(({ key }) => (
                    <td key={key}>
                      <Skeleton height={12} width={bar.width} />
                    </td>
                  ))}
                </tr>
              ))
            : rows.map((item) => (
                <tr key={rowKey(item)}>
                  {columns.map(({ key, cell, align }) => (
                    <td key={key} data-align={align}>
                      {cell(item)}
                    </td>
                  ))}
                </tr>
              ))}
        </tbody>
      </table>
    </div>
  );
}

/** The last column: what can be done with a row. */
export function actions<T>(width: string, cell: (item: T) => ReactNode): Column<T> {
  return {
    key: 'actions',
    header: <span className="visually-hidden">Actions</span>,
    width,
    align: 'end',
    cell: (item) => (
      <span className="row" style={{ justifyContent: 'flex-end' }}>
        {cell(item)}
      </span>
    ),
  };
}

/** Class of the link that stands for its whole row. */
export const rowLink: string = classes.rowLink ?? '';

/** Two lines in a cell: the name, and one quiet line below it that is cut off where there is no room. */
export function TwoLines({ first, second }: { readonly first: ReactNode; readonly second?: string | undefined }) {
  return (
    <div className={classes.twoLines}>
      <div className="truncate">{first}</div>
      {second === undefined || second === '' ? null : (
        <div className="muted truncate" title={second}>
          {second}
        </div>
      )}
    </div>
  );
}

/** A few names as tags, and how many more; all of them on hover and to screen readers. */
export function Tags({ names, most = 3 }: { readonly names: readonly string[]; readonly most?: number }) {
  if (names.length === 0) return <span className="muted">none</span>;
  const hidden = names.slice(most);
  return (
    <span className={classes.tags}>
      {names.slice(0, most).map((name) => (
        <span key={name} className={classes.tag} title={name}>
          {name}
        </span>
      ))}
      {hidden.length === 0 ? null : (
        <span className={classes.tag} title={hidden.join(', ')}>
          +{hidden.length}
          <span className="visually-hidden"> more: {hidden.join(', ')}</span>
        </span>
      )}
    </span>
  );
}
