import { Failure } from '../errors.ts';
import { type ChangeRow, nameOfChange } from './rows.ts';

/** `change_draft`, `change_activated`, …: it is in a state in which this cannot be done. */
export function closed(row: ChangeRow): Failure {
  const why = row.ended_reason === null || row.ended_reason === '' ? '' : ` (${row.ended_reason})`;
  return new Failure(
    409,
    `change_${row.status}`,
    `${nameOfChange(row)} is ${row.status.replaceAll('_', ' ')}${why}.`,
    row.status === 'draft' ? 'Submit it first: POST /v1/changes/:change/submit.' : 'Draft another change.',
  );
}
