/** What a call to HiveKey can end in. */

/** A place in a document or request. Lines and columns count from 1. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly remedy?: string;
  readonly path?: string;
  readonly line?: number;
  readonly column?: number;
}

export interface ErrorDetail {
  readonly code: string;
  readonly cause: string;
  readonly remedy: string;
  readonly request_id?: string;
  readonly problems?: readonly Problem[];
}

/** HiveKey refused, or could not be asked. `code` is stable: compare that, not the text. */
export class HiveKeyError extends Error {
  readonly code: string;
  /** What to do about it, in one sentence. */
  readonly remedy: string;
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  readonly requestId: string | undefined;
  readonly problems: readonly Problem[];
  /** The whole answer, where it says more than the error: the decision of a denied action. */
  readonly body: unknown;

  constructor(status: number, detail: ErrorDetail, body?: unknown) {
    super(detail.cause);
    this.name = 'HiveKeyError';
    this.code = detail.code;
    this.remedy = detail.remedy;
    this.status = status;
    this.requestId = detail.request_id;
    this.problems = detail.problems ?? [];
    this.body = body;
  }
}

/** No answer came: the server is not there, or the connection broke. Whether a write happened is not known. */
export function noAnswer(url: string, error: unknown): HiveKeyError {
  const why = error instanceof Error ? (reasonOf(error.cause) ?? error.message) : 'unknown';
  return new HiveKeyError(0, {
    code: 'no_answer',
    cause: `No answer from ${new URL(url).origin} (${why}).`,
    remedy: 'Check that HiveKey runs (npm start) and that the URL is right.',
  });
}

function reasonOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message;
}

/** The error of an answer that is not 2xx, whatever stands in it. */
export function errorOf(status: number, body: unknown): HiveKeyError {
  if (isObject(body) && isObject(body.error)) {
    const { code, cause, remedy, request_id: requestId, problems } = body.error;
    if (typeof code === 'string' && typeof cause === 'string')
      return new HiveKeyError(
        status,
        {
          code,
          cause,
          remedy: typeof remedy === 'string' ? remedy : '',
          ...(typeof requestId === 'string' ? { request_id: requestId } : {}),
          ...(Array.isArray(problems) ? { problems: problems.filter(isProblem) } : {}),
        },
        body,
      );
  }
  return new HiveKeyError(
    status,
    {
      code: 'not_hivekey',
      cause: `The server answered ${status} without HiveKey's error envelope.`,
      remedy: 'Check the URL, and proxies on the way.',
    },
    body,
  );
}

function isProblem(value: unknown): value is Problem {
  return isObject(value) && typeof value.message === 'string';
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
