/**
 * Security event tokens (RFC 8417), pushed as RFC 8935 says, with events of OpenID CAEP 1.0 and RISC 1.0. A token is
 * believed when a configured key has signed it, for our audience, not long ago; and once.
 */
import { createLocalJWKSet, decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose';
import type { Pool } from 'pg';
import { z } from 'zod';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';
import { raiseRisk } from './raise.ts';
import type { NewRisk } from './risk.ts';
import { ALGORITHMS, transmittersOf } from './transmitters.ts';

const CAEP = 'https://schemas.openid.net/secevent/caep/event-type/';
const RISC = 'https://schemas.openid.net/secevent/risc/event-type/';
const CLOCK_SKEW_SECONDS = 120;
const MAX_AGE = '1 day';

/** Error codes of RFC 8935 section 2.4. */
export class Refused extends Error {
  readonly err: 'invalid_request' | 'invalid_key' | 'invalid_issuer' | 'invalid_audience' | 'authentication_failed';

  constructor(err: Refused['err'], description: string) {
    super(description);
    this.err = err;
  }
}

const levelChange = z.looseObject({
  current_level: z.enum(['LOW', 'MEDIUM', 'HIGH', 'CRITICAL']),
  risk_reason: z.string().max(500).optional(),
});
/** RFC 9493, as far as a subject of ours can be told by it. */
const subjectId = z.union([
  z.looseObject({ format: z.literal('email'), email: z.string().max(254) }),
  z.looseObject({ format: z.literal('opaque'), id: z.string().max(254) }),
  z.looseObject({ format: z.literal('iss_sub'), sub: z.string().max(254) }),
  z.looseObject({ format: z.literal('uri'), uri: z.string().regex(/^hivekey:(agent|owner|tool):.{1,254}$/) }),
]);

const LEVELS: Readonly<Record<string, NewRisk['level']>> = {
  [`${CAEP}session-revoked`]: 'high',
  [`${CAEP}credential-change`]: 'medium',
  [`${CAEP}device-compliance-change`]: 'medium',
  [`${RISC}credential-compromise`]: 'critical',
  [`${RISC}account-disabled`]: 'critical',
};

/** Throws Refused. An event of another kind, and a token that was taken before, are taken without effect. Answers the workspace in which a signal was raised. */
export async function takeToken(
  pool: Pool,
  log: ActionLog,
  text: string,
  nowMs: number,
): Promise<WorkspaceId | undefined> {
  const claimed = claimsOf(text);
  const transmitters = await transmittersOf(pool, claimed.iss ?? '', [claimed.aud ?? []].flat());
  const [transmitter] = transmitters;
  if (transmitter === undefined)
    throw new Refused('invalid_issuer', 'no transmitter is configured for this issuer and audience');
  const payload = await verify(text, claimed.iss ?? '', transmitter, nowMs);
  const { jti, iss, events, sub_id: about } = payload;
  if (typeof jti !== 'string' || jti === '' || jti.length > 500 || iss === undefined)
    throw new Refused('invalid_request', 'the token has no jti');
  const read = z.record(z.string(), z.unknown()).safeParse(events);
  const entries = read.success ? Object.entries(read.data) : [];
  if (entries.length !== 1) throw new Refused('invalid_request', 'the token does not hold exactly one event');
  const [type, event] = entries[0] ?? [];
  const signal = signalOf(type ?? '', event);
  if (signal === undefined) return undefined;
  const subject = subjectOf(about ?? legacySubject(event));
  const source = {
    workspaceId: transmitter.workspaceId,
    actor: `transmitter:${transmitter.name}`,
    token: { issuer: iss, jti },
  };
  try {
    const wanted = { subject, ...signal, expires_in_seconds: transmitter.lastsSeconds };
    return (await raiseRisk(log, source, wanted)) === undefined ? undefined : transmitter.workspaceId;
  } catch (error) {
    if (error instanceof Failure && error.status === 404)
      throw new Refused('invalid_request', 'the subject is not known');
    throw error;
  }
}

function claimsOf(text: string): JWTPayload {
  try {
    return decodeJwt(text);
  } catch {
    throw new Refused('invalid_request', 'this is no security event token');
  }
}

async function verify(
  text: string,
  issuer: string,
  { jwks, audience }: Awaited<ReturnType<typeof transmittersOf>>[number],
  nowMs: number,
): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(text, createLocalJWKSet(jwks), {
      algorithms: ALGORITHMS,
      issuer,
      audience,
      typ: 'secevent+jwt',
      clockTolerance: CLOCK_SKEW_SECONDS,
      maxTokenAge: MAX_AGE,
      currentDate: new Date(nowMs),
    });
    return payload;
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
      throw new Refused('invalid_key', 'the token names no key of this transmitter');
    if (error instanceof errors.JWSSignatureVerificationFailed || error instanceof errors.JOSEAlgNotAllowed)
      throw new Refused('authentication_failed', 'the signature does not verify');
    if (error instanceof errors.JOSEError) throw new Refused('invalid_request', error.message);
    throw error;
  }
}

/** Undefined for an event that says nothing of a risk. */
function signalOf(type: string, event: unknown): Pick<NewRisk, 'level' | 'reason'> | undefined {
  if (type === `${CAEP}risk-level-change`) {
    const read = levelChange.safeParse(event);
    if (!read.success) throw new Refused('invalid_request', 'the event has no current_level that is known');
    const { current_level: level, risk_reason: reason = '' } = read.data;
    return { level: LEVEL_NAMES[level], reason };
  }
  const level = LEVELS[type];
  return level && { level, reason: type.slice(type.lastIndexOf('/') + 1) };
}

const LEVEL_NAMES = { LOW: 'low', MEDIUM: 'medium', HIGH: 'high', CRITICAL: 'critical' } as const;

/** Drafts before RFC 9493 had the subject within the event. */
function legacySubject(event: unknown): unknown {
  return typeof event === 'object' && event !== null && 'subject' in event ? event.subject : undefined;
}

function subjectOf(value: unknown): NewRisk['subject'] {
  const read = subjectId.safeParse(value);
  if (!read.success) throw new Refused('invalid_request', 'the subject is of no form that is known here');
  const subject = read.data;
  switch (subject.format) {
    case 'email':
      return { kind: 'owner', id: subject.email };
    case 'opaque':
      return { kind: 'agent', id: subject.id };
    case 'iss_sub':
      return { kind: 'agent', id: subject.sub };
    case 'uri': {
      const [, kind, id = ''] = /^hivekey:(agent|owner|tool):(.*)$/s.exec(subject.uri) ?? [];
      return { kind: kind === 'owner' || kind === 'tool' ? kind : 'agent', id };
    }
  }
}
