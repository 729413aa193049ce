/** What SCIM refuses, in the words of RFC 7644 section 3.12. */
import type { Failure } from '../errors.ts';

/** RFC 7644 table 9. */
export type ScimType =
  | 'invalidFilter'
  | 'tooMany'
  | 'uniqueness'
  | 'mutability'
  | 'invalidSyntax'
  | 'invalidPath'
  | 'noTarget'
  | 'invalidValue'
  | 'invalidVers'
  | 'sensitive';

/** A refusal with a status of its own and, where the RFC has one, a scimType. The detail reaches the client. */
export class ScimFailure extends Error {
  readonly status: number;
  readonly scimType: ScimType | undefined;

  constructor(status: number, scimType: ScimType | undefined, detail: string) {
    super(detail);
    this.name = 'ScimFailure';
    this.status = status;
    this.scimType = scimType;
  }
}

/** A known place that takes other methods. */
export class MethodRefused extends ScimFailure {
  readonly allowed: readonly string[];

  constructor(allowed: readonly string[]) {
    super(405, undefined, `Here are only ${allowed.join(' and ')}.`);
    this.allowed = allowed;
  }
}

export interface ScimError {
  readonly schemas: readonly ['urn:ietf:params:scim:api:messages:2.0:Error'];
  /** A string, as the RFC wants it. */
  readonly status: string;
  readonly scimType?: ScimType;
  readonly detail: string;
}

export function errorBody(status: number, detail: string, scimType?: ScimType): ScimError {
  const error = { schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], status: String(status) } as const;
  return scimType === undefined ? { ...error, detail } : { ...error, scimType, detail };
}

/** Failures of the rest of HiveKey, as SCIM tells them. */
export function scimFailureOf(failure: Failure): ScimFailure {
  const scimType = failure.status === 400 ? 'invalidSyntax' : undefined;
  return new ScimFailure(failure.status, scimType, `${failure.message} ${failure.remedy}`);
}

export function invalidValue(detail: string): ScimFailure {
  return new ScimFailure(400, 'invalidValue', detail);
}

export function invalidPath(detail: string): ScimFailure {
  return new ScimFailure(400, 'invalidPath', detail);
}

export function invalidFilter(detail: string): ScimFailure {
  return new ScimFailure(400, 'invalidFilter', detail);
}

export function notFound(type: string, id: string): ScimFailure {
  return new ScimFailure(404, undefined, `There is no ${type} ${id}.`);
}
