/** Lists: one shape, a bounded page, and cursors that nobody but us can make. */
import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';

/** `{object:"list", data, has_more, next_cursor}`. */
export function listOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    object: z.literal('list'),
    data: z.array(item),
    has_more: z.boolean(),
    next_cursor: z.string().nullable(),
  });
}

/** Members of a list's query; spread them beside the list's own filters in a strict object. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().min(1).max(2048).optional(),
};

/** What a cursor belongs to. A cursor of another list, workspace or filter is refused. */
export interface ListScope {
  /** Name of the list, e.g. `agents`. */
  readonly list: string;
  readonly workspaceId: WorkspaceId;
  /** Everything in the query that selects or orders. */
  readonly filter?: Readonly<Record<string, string | number | boolean | undefined>>;
}

/** Sort key of the last row on a page. */
export type Position = readonly (string | number)[];

function mac(key: KeyObject, { list, workspaceId, filter = {} }: ListScope, payload: string): Buffer {
  const selected = Object.entries(filter)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return createHmac('sha256', key)
    .update(JSON.stringify(['list-cursor', list, workspaceId, selected, payload]))
    .digest();
}

export function sealCursor(key: KeyObject, scope: ListScope, position: Position): string {
  const payload = Buffer.from(JSON.stringify(position)).toString('base64url');
  return `${payload}.${mac(key, scope, payload).toString('base64url')}`;
}

/** The position after which the page begins; undefined for the first page. Throws `cursor_invalid`. */
export function openCursor(key: KeyObject, scope: ListScope, cursor: string | undefined): Position | undefined {
  if (cursor === undefined) return undefined;
  const [payload = '', tag = ''] = cursor.split('.');
  const given = Buffer.from(tag, 'base64url');
  const expected = mac(key, scope, payload);
  // The whole text is compared too: base64url decoding ignores what does not belong to it.
  if (
    given.length === expected.length &&
    timingSafeEqual(given, expected) &&
    cursor === `${payload}.${expected.toString('base64url')}`
  )
    return JSON.parse(Buffer.from(payload, 'base64url').toString());
  throw new Failure(
    400,
    'cursor_invalid',
    'The cursor was not made by this list with these filters.',
    'Take next_cursor of the page before, and keep the filters the same; or start without a cursor.',
  );
}

/** Of a list by when something was, newest first: microseconds, and the id of the row. */
export interface TimePosition {
  readonly atUs: number;
  readonly id: string;
}

/** {@link openCursor} of a list by time. */
export function openTimeCursor(key: KeyObject, scope: ListScope, cursor: string | undefined): TimePosition | undefined {
  const position = openCursor(key, scope, cursor);
  return position === undefined ? undefined : { atUs: Number(position[0]), id: String(position[1]) };
}

/** {@link openCursor} of a list by name. */
export function openNameCursor(key: KeyObject, scope: ListScope, cursor: string | undefined): string | undefined {
  const position = openCursor(key, scope, cursor);
  return position === undefined ? undefined : String(position[0]);
}

/**
 * A page made of up to `limit + 1` rows that were read: the extra one only tells that there are more.
 * `positionOf` gives the sort key of a row.
 */
export function pageOf<Row, Item>(
  key: KeyObject,
  scope: ListScope,
  limit: number,
  rows: readonly Row[],
  itemOf: (row: Row) => Item,
  positionOf: (row: Row) => Position,
): { object: 'list'; data: Item[]; has_more: boolean; next_cursor: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const hasMore = rows.length > limit && last !== undefined;
  return {
    object: 'list',
    data: shown.map(itemOf),
    has_more: hasMore,
    next_cursor: hasMore ? sealCursor(key, scope, positionOf(last)) : null,
  };
}

/** A page of a list that was read whole, in the order of a text that is unique in it. */
export function pageOfAll<Item>(
  key: KeyObject,
  scope: ListScope,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
  items: readonly Item[],
  keyOf: (item: Item) => string,
) {
  const after = openCursor(key, scope, cursor)?.[0];
  const sorted = items
    .filter((item) => after === undefined || keyOf(item) > String(after))
    .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  return pageOf(
    key,
    scope,
    limit,
    sorted,
    (item) => item,
    (item) => [keyOf(item)],
  );
}

/** A list that is always short enough to be given whole. */
export function wholeList<Item>(data: readonly Item[]): {
  object: 'list';
  data: Item[];
  has_more: false;
  next_cursor: null;
} {
  return { object: 'list', data: [...data], has_more: false, next_cursor: null };
}
