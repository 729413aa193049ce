import { Failure } from '../errors.ts';

export function approvalNotFound(id: string): Failure {
  return new Failure(404, 'approval_not_found', `There is no approval ${id}.`, 'List them with GET /v1/approvals.');
}
