/** A token of a workload's own platform becomes the agent that a rule names (RFC 7523 section 2.1). */
import type { JsonObject } from '@hivekey/policy';
import { decodeJwt, decodeProtectedHeader, errors, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose';
import type { Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import { claimsMatch, type IssuerKind } from './claims.ts';
import { type Credential, refuseDead, rulesOf } from './client.ts';
import { required } from './form.ts';
import type { KeySets } from './key-sets.ts';
import { OAuthRefusal } from './refusal.ts';
import type { Once } from './replays.ts';

const SKEW_SECONDS = 10;
const MAX_JTI = 512;
const MINUTE = 60;

interface Profile {
  readonly algorithms: readonly string[];
  /** From iat to exp. */
  readonly maxLifeSeconds: number;
  /** Counts once, by its jti. Projected tokens of Kubernetes are read from a file again and again. */
  readonly isSingleUse: boolean;
  /** Without a jti, an old one is as good as a stolen one. */
  readonly maxAgeSeconds?: number;
}

const PROFILES: Readonly<Record<IssuerKind, Profile>> = {
  github: { algorithms: ['RS256'], maxLifeSeconds: 60 * MINUTE, isSingleUse: true },
  kubernetes: { algorithms: ['RS256', 'ES256', 'ES384'], maxLifeSeconds: 24 * 60 * MINUTE, isSingleUse: false },
  spiffe: {
    algorithms: ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512'],
    maxLifeSeconds: 24 * 60 * MINUTE,
    isSingleUse: false,
    maxAgeSeconds: 5 * MINUTE,
  },
  oidc: {
    algorithms: ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512', 'EdDSA', 'Ed25519'],
    maxLifeSeconds: 60 * MINUTE,
    isSingleUse: true,
  },
};

interface Issuer {
  readonly id: string;
  readonly workspaceId: WorkspaceId;
  readonly kind: IssuerKind;
  readonly issuer: string;
  readonly jwks: JSONWebKeySet | null;
  readonly jwksUrl: string | null;
}

/** Who was vouched for, and is no agent here. */
export interface UnknownWorkload {
  readonly workspaceId: WorkspaceId;
  readonly identity: string;
}

export interface Federation {
  readonly pool: Pool;
  readonly keySets: KeySets;
  /** Our issuer, which must be the audience. */
  readonly issuer: string;
  readonly nowMs: number;
  note(workload: UnknownWorkload): void;
}

/**
 * Whom the assertion stands for. `client_id`, an agent's id, says which of several rules is meant; without it exactly one
 * must let the workload in. Throws OAuthRefusal `invalid_grant`.
 */
export async function federate(
  federation: Federation,
  form: ReadonlyMap<string, string>,
): Promise<{ readonly credential: Credential; readonly once: Once | undefined }> {
  const assertion = required(form, 'assertion');
  const clientId = form.get('client_id');
  const { issuers, kid } = await issuersOf(federation.pool, assertion);
  const vouching: { readonly issuer: Issuer; readonly claims: JWTPayload }[] = [];
  let problem = 'nobody who is trusted has issued the assertion';
  for (const issuer of issuers) {
    const verdict = await verify(federation, issuer, assertion, kid);
    if (typeof verdict === 'string') problem = verdict;
    else vouching.push({ issuer, claims: verdict });
  }
  if (vouching.length === 0) throw refused(problem);
  const rules = await rulesOf(
    federation.pool,
    vouching.map(({ issuer: { id } }) => id),
  );
  const matching = vouching.flatMap(({ issuer, claims }) =>
    rules
      .filter(
        (rule) =>
          rule.workspaceId === issuer.workspaceId &&
          rule.issuerId === issuer.id &&
          rule.claims !== null &&
          claimsMatch(rule.claims, claims as JsonObject),
      )
      .map((rule) => ({ rule, issuer, claims })),
  );
  const named = matching.filter(({ rule }) => clientId === undefined || rule.agentId === clientId);
  const [match, ...others] = named.length > 1 ? named.filter(({ rule }) => rule.isLive) : named;
  if (match === undefined) {
    if (matching.length === 0)
      for (const { issuer, claims } of vouching)
        federation.note({ workspaceId: issuer.workspaceId, identity: `${issuer.issuer} ${String(claims.sub ?? '')}` });
    throw refused('no rule lets this workload in');
  }
  if (others.length > 0) throw refused('several rules let this workload in; name the agent as client_id');
  const { rule, issuer, claims } = match;
  refuseDead(rule, 'invalid_grant');
  return { credential: rule, once: check(issuer, claims, rule, federation.nowMs) };
}

/** Of all workspaces: the assertion does not say which one it is for. */
async function issuersOf(
  pool: Pool,
  assertion: string,
): Promise<{ readonly issuers: readonly Issuer[]; readonly kid: string | undefined }> {
  let claims: JWTPayload;
  let kid: string | undefined;
  try {
    claims = decodeJwt(assertion);
    ({ kid } = decodeProtectedHeader(assertion));
  } catch {
    throw refused('the assertion is no signed JWT');
  }
  const { iss, sub } = claims;
  const domain = typeof sub === 'string' ? /^spiffe:\/\/[a-z0-9._-]{1,255}(?=\/)/.exec(sub)?.[0] : undefined;
  const { rows } = await pool.query<Issuer>({
    name: 'workload-issuers',
    text: `SELECT id, workspace_id AS "workspaceId", kind, issuer, jwks, jwks_url AS "jwksUrl" FROM workload_issuers
            WHERE removed_at IS NULL AND ((issuer = $1 AND kind <> 'spiffe') OR (issuer = $2 AND kind = 'spiffe'))`,
    values: [typeof iss === 'string' ? iss : null, domain ?? null],
  });
  return { issuers: rows, kid: typeof kid === 'string' ? kid : undefined };
}

/** The claims, or what is wrong. */
async function verify(
  { keySets, issuer: audience, nowMs }: Federation,
  issuer: Issuer,
  assertion: string,
  kid: string | undefined,
): Promise<JWTPayload | string> {
  const { algorithms } = PROFILES[issuer.kind];
  let keys: Awaited<ReturnType<KeySets['of']>>;
  try {
    keys = await keySets.of(issuer, kid, nowMs);
  } catch {
    return 'the keys of the issuer cannot be had';
  }
  try {
    const { payload } = await jwtVerify(assertion, keys, {
      algorithms: [...algorithms],
      audience,
      ...(issuer.kind === 'spiffe' ? {} : { issuer: issuer.issuer }),
      requiredClaims: ['sub', 'exp', ...(issuer.kind === 'spiffe' ? [] : ['iat'])],
      clockTolerance: SKEW_SECONDS,
      currentDate: new Date(nowMs),
    });
    return payload;
  } catch (error) {
    if (error instanceof errors.JWTExpired) return 'the assertion has expired';
    if (error instanceof errors.JWTClaimValidationFailed)
      return `the claim ${error.claim} of the assertion is missing or wrong`;
    if (error instanceof errors.JOSEError) return 'no key of the issuer has signed the assertion as it must be';
    throw error;
  }
}

function check(
  { id, kind }: Issuer,
  { aud, iat, exp = 0, jti }: JWTPayload,
  rule: Credential,
  nowMs: number,
): Once | undefined {
  const { maxLifeSeconds, isSingleUse, maxAgeSeconds } = PROFILES[kind];
  if (Array.isArray(aud) && aud.length !== 1) throw refused('the assertion is for somebody else, too', rule);
  const now = nowMs / 1000;
  if (iat !== undefined && iat > now + SKEW_SECONDS) throw refused('the assertion is not issued yet', rule);
  if (exp - (iat ?? now) > maxLifeSeconds) throw refused('the assertion lives too long', rule);
  if (maxAgeSeconds !== undefined && (iat === undefined ? exp - now : now - iat) > maxAgeSeconds + SKEW_SECONDS)
    throw refused('the assertion is too old', rule);
  // Without iat it cannot be told from one made before the stop, but for its short life.
  const issuedMs = iat === undefined ? exp * 1000 - (maxAgeSeconds ?? 0) * 1000 : iat * 1000;
  if (issuedMs <= rule.cutoffMs) throw refused('the assertion is from before a stop', rule);
  if (!isSingleUse) return undefined;
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI) throw refused('the assertion has no jti', rule);
  return { kind: 'federation', issuer: id, jti, expiresAt: new Date((exp + 2 * SKEW_SECONDS) * 1000) };
}

function refused(description: string, credential?: Credential): OAuthRefusal {
  return new OAuthRefusal('invalid_grant', description, credential);
}
