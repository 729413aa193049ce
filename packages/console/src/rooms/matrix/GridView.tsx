import { IconBan, IconShield } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, useId, useRef, useState } from 'react';
import type { MatrixCapability, MatrixRole } from '../../api/types.ts';
import { namespaceOf, plural } from '../../ui/format.ts';
import classes from './matrix.module.css';
import { type Cell, type Grid, wordsOf } from './model.ts';

const ROLE_WIDTH = 232;
/** Names stand upright in the head: as high as the longest, within these. */
const HEAD_MIN = 112;
const HEAD_MAX = 232;
const GROUP_HEIGHT = 24;
const LETTER = 7.3;
const COLUMN = 34;
const ROW = 34;
const OVERSCAN = 6;

interface Place {
  readonly row: number;
  readonly column: number;
}

/**
 * Roles × capabilities. Only what is in view is in the document, so hundreds of either are no matter; the grid takes
 * the keyboard as one (arrows, Home, End, Page keys) and says the cell it is at in words below.
 */
export function GridView({ grid }: { readonly grid: Grid }) {
  const { roles, columns, groups, cell } = grid;
  const scroller = useRef<HTMLDivElement>(null);
  const headHeight = headHeightOf(grid);
  const id = useId();
  const [chosen, setChosen] = useState<Place>({ row: 0, column: 0 });
  // Filters may have made the grid smaller than where the keyboard was.
  const active = {
    row: Math.min(chosen.row, roles.length - 1),
    column: Math.min(chosen.column, columns.length - 1),
  };
  const rowsInView = useVirtualizer({
    count: roles.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: OVERSCAN,
    paddingStart: headHeight,
    scrollPaddingStart: headHeight,
  });
  const columnsInView = useVirtualizer({
    horizontal: true,
    count: columns.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => COLUMN,
    overscan: OVERSCAN,
    paddingStart: ROLE_WIDTH,
    scrollPaddingStart: ROLE_WIDTH,
  });
  const shown = columnsInView.getVirtualItems();
  const firstShown = shown[0]?.index ?? 0;
  const lastShown = shown.at(-1)?.index ?? 0;
  const cellId = ({ row, column }: Place) => `${id}-${row}-${column}`;

  function go(place: Place): void {
    const next = {
      row: Math.max(0, Math.min(place.row, roles.length - 1)),
      column: Math.max(0, Math.min(place.column, columns.length - 1)),
    };
    setChosen(next);
    rowsInView.scrollToIndex(next.row);
    columnsInView.scrollToIndex(next.column);
  }
  function onKeyDown(event: KeyboardEvent): void {
    const move = MOVES[event.key];
    if (move === undefined || event.altKey || event.metaKey) return;
    event.preventDefault();
    go(move(active, { row: roles.length - 1, column: columns.length - 1 }, event.ctrlKey));
  }

  const role = roles[active.row];
  const capability = columns[active.column];
  return (
    <>
      <div
        ref={scroller}
        className={classes.grid}
        role="grid"
        aria-label="Roles and what they may use"
        aria-rowcount={roles.length + 1}
        aria-colcount={columns.length + 1}
        aria-activedescendant={cellId(active)}
        tabIndex={0}
        onKeyDown={onKeyDown}
      >
        <div
          style={{ width: columnsInView.getTotalSize(), height: rowsInView.getTotalSize() }}
          className={classes.canvas}
        >
          <div role="row" aria-rowindex={1} className={classes.head} style={{ height: headHeight }}>
            <div
              role="columnheader"
              aria-colindex={1}
              className={classes.corner}
              style={{ width: ROLE_WIDTH, height: headHeight }}
            >
              {plural(roles.length, 'role')} · {plural(columns.length, 'capability', 'capabilities')}
            </div>
            {groups
              .filter(({ start, length }) => start <= lastShown && start + length > firstShown)
              .map(({ namespace, start, length }) => (
                <div
                  key={`${namespace} ${start}`}
                  role="presentation"
                  className={classes.group}
                  style={{ left: ROLE_WIDTH + start * COLUMN, width: length * COLUMN }}
                >
                  <span title={namespace}>{namespace === '' ? '—' : namespace}</span>
                </div>
              ))}
            {shown.map(({ index, start }) => {
              const column = columns[index];
              return column === undefined ? null : (
                <ColumnHead
                  key={column.name}
                  capability={column}
                  index={index}
                  left={start}
                  isActive={index === active.column}
                />
              );
            })}
          </div>
          {rowsInView.getVirtualItems().map(({ index: row, start: top }) => {
            const each = roles[row];
            return each === undefined ? null : (
              <div
                key={each.name}
                role="row"
                aria-rowindex={row + 2}
                className={classes.row}
                style={{ top, height: ROW }}
              >
                <div
                  role="rowheader"
                  aria-colindex={1}
                  className={classes.role}
                  style={{ width: ROLE_WIDTH }}
                  data-active={row === active.row}
                >
                  <Link
                    to="/roles/$role"
                    params={{ role: each.name }}
                    className="truncate"
                    title={each.name}
                    tabIndex={-1}
                  >
                    {each.name}
                  </Link>
                  <span className="muted num">{plural(each.agents, 'agent')}</span>
                </div>
                {shown.map(({ index: column, start: left }) => {
                  const at = columns[column];
                  return at === undefined ? null : (
                    <CellView
                      key={at.name}
                      id={cellId({ row, column })}
                      role={each}
                      capability={at}
                      cell={cell(each, at)}
                      index={column}
                      left={left}
                      active={row === active.row && column === active.column}
                      lined={row === active.row || column === active.column}
                      onChoose={() => setChosen({ row, column })}
                    />
                  );
                })}
              </div>
            );
          })}
        </div>
      </div>
      <div className={classes.inspector} aria-live="polite">
        {role === undefined || capability === undefined ? null : (
          <Inspector role={role} capability={capability} cell={cell(role, capability)} />
        )}
      </div>
    </>
  );
}

function headHeightOf({ columns }: Grid): number {
  const longest = columns.reduce((most, { name }) => Math.max(most, shortName(name).length), 0);
  return Math.round(Math.min(HEAD_MAX, Math.max(HEAD_MIN, GROUP_HEIGHT + 24 + longest * LETTER)));
}

/** Without the namespace, which stands above. */
function shortName(capability: string): string {
  const namespace = namespaceOf(capability);
  return namespace === '' ? capability : capability.slice(namespace.length + 1);
}

type Move = (at: Place, last: Place, far: boolean) => Place;
const PAGE = 10;
const MOVES: Readonly<Record<string, Move>> = {
  ArrowLeft: ({ row, column }) => ({ row, column: column - 1 }),
  ArrowRight: ({ row, column }) => ({ row, column: column + 1 }),
  ArrowUp: ({ row, column }) => ({ row: row - 1, column }),
  ArrowDown: ({ row, column }) => ({ row: row + 1, column }),
  PageUp: ({ row, column }) => ({ row: row - PAGE, column }),
  PageDown: ({ row, column }) => ({ row: row + PAGE, column }),
  Home: ({ row }, _last, far) => ({ row: far ? 0 : row, column: 0 }),
  End: ({ row }, last, far) => ({ row: far ? last.row : row, column: last.column }),
};

function ColumnHead({
  capability,
  index,
  left,
  isActive,
}: {
  readonly capability: MatrixCapability;
  readonly index: number;
  readonly left: number;
  readonly isActive: boolean;
}) {
  const { name, description, access, destructive, stopped } = capability;
  return (
    <div
      role="columnheader"
      aria-colindex={index + 2}
      aria-label={`${name}, ${access}${destructive ? ', destructive' : ''}${stopped ? ', stopped' : ''}`}
      className={classes.column}
      style={{ left, width: COLUMN }}
      data-active={isActive}
      data-stopped={stopped}
      title={`${name}\n${description}`}
    >
      <span className="mono">{shortName(name)}</span>
      {stopped ? <IconBan size={12} aria-hidden /> : null}
    </div>
  );
}

function CellView({
  id,
  role,
  capability,
  cell: { granted, guards },
  index,
  left,
  active,
  lined,
  onChoose,
}: {
  readonly id: string;
  readonly role: MatrixRole;
  readonly capability: MatrixCapability;
  readonly cell: Cell;
  readonly index: number;
  readonly left: number;
  readonly active: boolean;
  readonly lined: boolean;
  readonly onChoose: () => void;
}) {
  const words = granted
    ? `${capability.access}${guards.length === 0 ? '' : ', guarded'}${capability.stopped ? ', stopped' : ''}`
    : 'not granted';
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid takes the keyboard for its cells, see its onKeyDown
    <div
      id={id}
      role="gridcell"
      aria-colindex={index + 2}
      aria-selected={active}
      aria-label={`${role.name}, ${capability.name}: ${words}`}
      className={classes.cell}
      style={{ left, width: COLUMN, height: ROW }}
      data-active={active}
      data-lined={lined}
      onClick={onChoose}
    >
      {granted ? (
        <span className={classes.cellMark} data-access={capability.access} data-stopped={capability.stopped}>
          {capability.access === 'read' ? 'R' : 'W'}
          {guards.length === 0 ? null : <IconShield className={classes.shield} size={11} stroke={2.2} aria-hidden />}
        </span>
      ) : (
        <span className={classes.nothing} aria-hidden>
          ·
        </span>
      )}
    </div>
  );
}

function Inspector({
  role,
  capability,
  cell,
}: {
  readonly role: MatrixRole;
  readonly capability: MatrixCapability;
  readonly cell: Cell;
}) {
  return (
    <>
      <p>
        <strong>{wordsOf(role, capability, cell)}</strong> <span className="muted">{capability.description}</span>{' '}
        <Link to="/roles/$role" params={{ role: role.name }} search={{ tab: 'edit', find: capability.name }}>
          Open in {role.name}
        </Link>
      </p>
      {cell.answer === undefined ? null : (
        <p>
          The decision engine answers <strong>{cell.answer.text}</strong>{' '}
          <span className="muted">to {plural(cell.answer.probes, 'call')} at and beside its limits.</span>
        </p>
      )}
      {cell.guards.length === 0 ? null : (
        <ol>
          {cell.guards.map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ol>
      )}
    </>
  );
}
