/** Every way a request can fail, as one type that the console shows in one way. */
import type { Problem } from './types.ts';

export class ApiError extends Error {
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  readonly code: string;
  readonly remedy: string;
  readonly requestId: string | undefined;
  readonly problems: readonly Problem[];

  constructor(fault: {
    readonly status: number;
    readonly code: string;
    readonly cause: string;
    readonly remedy: string;
    readonly requestId?: string | undefined;
    readonly problems?: readonly Problem[];
  }) {
    super(fault.cause);
    this.name = 'ApiError';
    this.status = fault.status;
    this.code = fault.code;
    this.remedy = fault.remedy;
    this.requestId = fault.requestId;
    this.problems = fault.problems ?? [];
  }
}

/** The error envelope of an answer, or what can be said without one. */
export function readError(status: number, body: unknown, requestId: string | undefined): ApiError {
  const error = isRecord(body) && isRecord(body.error) ? body.error : {};
  return new ApiError({
    status,
    code: text(error.code) ?? `http_${status}`,
    cause: text(error.cause) ?? `The server answered with HTTP status ${status}.`,
    remedy: text(error.remedy) ?? 'Try again; if it stays, look at the log of the server for the request id.',
    requestId: text(error.request_id) ?? requestId,
    problems: Array.isArray(error.problems) ? error.problems.filter(isProblem) : [],
  });
}

/** Anything thrown, as what can be shown. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError({
    status: 0,
    code: 'console_error',
    cause: error instanceof Error ? error.message : String(error),
    remedy: 'Reload the page. If it comes again, report it with these words.',
  });
}

function isProblem(value: unknown): value is Problem {
  return isRecord(value) && typeof value.message === 'string';
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
