/** Every failure a user can meet: a stable code, one sentence of cause, one of remedy, an HTTP status. */

export interface FailureBody {
  readonly error: {
    readonly code: string;
    readonly cause: string;
    readonly remedy: string;
    readonly request_id: string;
    /** Places in the document or request, where there are several. */
    readonly problems?: readonly unknown[];
  };
}

/**
 * A refusal that is an answer, not a bug. Thrown at the edges (routes, start-up) and turned into the
 * error envelope there. `cause` and `remedy` reach the caller: never put a secret or another
 * workspace's data into them.
 */
export class Failure extends Error {
  readonly code: string;
  readonly status: number;
  readonly remedy: string;
  readonly problems: readonly unknown[] | undefined;

  constructor(status: number, code: string, cause: string, remedy: string, problems?: readonly unknown[]) {
    super(cause);
    this.name = 'Failure';
    this.status = status;
    this.code = code;
    this.remedy = remedy;
    this.problems = problems;
  }

  body(requestId: string): FailureBody {
    const error = { code: this.code, cause: this.message, remedy: this.remedy, request_id: requestId };
    return { error: this.problems === undefined ? error : { ...error, problems: this.problems } };
  }
}

/** A refusal of a credential, with what the answer must say about it in its headers: name and value in turn. */
export class ChallengeFailure extends Failure {
  readonly headers: readonly string[];

  constructor(status: number, code: string, cause: string, remedy: string, headers: readonly string[]) {
    super(status, code, cause, remedy);
    this.headers = headers;
  }
}
