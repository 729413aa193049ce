/** What a federation rule asks of a workload's token, by the kind of its issuer. Values are compared exactly. Pure. */
import type { IssuerKind } from '../../../api/agent-types.ts';
import { isRecord } from '../../../api/problem.ts';
import type { JsonObject } from '../../../api/types.ts';

export interface ClaimField {
  /** Its place in the claims. */
  readonly path: readonly string[];
  readonly label: string;
  readonly description?: string;
  readonly placeholder: string;
  readonly required: boolean;
}

/** Names can be given again to somebody else; numbers and uids cannot, so these are asked for. */
export const CLAIM_FIELDS: Readonly<Record<IssuerKind, readonly ClaimField[]>> = {
  github: [
    {
      path: ['repository_id'],
      label: 'Number of the repository',
      description: 'gh api repos/OWNER/NAME --jq .id',
      placeholder: '123456789',
      required: true,
    },
    {
      path: ['repository_owner_id'],
      label: 'Number of its owner',
      description: 'gh api users/OWNER --jq .id',
      placeholder: '987654',
      required: true,
    },
    {
      path: ['environment'],
      label: 'Environment',
      description: 'This or a ref.',
      placeholder: 'production',
      required: false,
    },
    { path: ['ref'], label: 'Ref', placeholder: 'refs/heads/main', required: false },
  ],
  kubernetes: [
    { path: ['kubernetes.io', 'namespace'], label: 'Namespace', placeholder: 'agents', required: true },
    {
      path: ['kubernetes.io', 'serviceaccount', 'uid'],
      label: 'Uid of the service account',
      description: "kubectl get serviceaccount NAME -o jsonpath='{.metadata.uid}'",
      placeholder: '6f0c4d3e-…',
      required: true,
    },
    {
      path: ['kubernetes.io', 'serviceaccount', 'name'],
      label: 'Name of the service account',
      placeholder: 'support-bot',
      required: false,
    },
  ],
  spiffe: [
    {
      path: ['sub'],
      label: 'SPIFFE ID',
      placeholder: 'spiffe://prod.acme.example/ns/agents/sa/support-bot',
      required: true,
    },
  ],
  oidc: [{ path: ['sub'], label: 'Subject', placeholder: 'workload-4711', required: true }],
};

/** The fields that were filled in, each at its place, upon what else was written. */
export function claimsOf(kind: IssuerKind, values: Readonly<Record<string, string>>, more: JsonObject): JsonObject {
  return CLAIM_FIELDS[kind].reduce((claims, { path }) => {
    const value = values[path.join('.')]?.trim() ?? '';
    return value === '' ? claims : placed(claims, path, value);
  }, more);
}

function placed(claims: JsonObject, [name, ...rest]: readonly string[], value: string): JsonObject {
  if (name === undefined) return claims;
  if (rest.length === 0) return { ...claims, [name]: value };
  const inner = claims[name];
  return { ...claims, [name]: placed(isJsonObject(inner) ? inner : {}, rest, value) };
}

export function isJsonObject(value: unknown): value is JsonObject {
  return isRecord(value);
}

/** One line each: `kubernetes.io.namespace = agents`. */
export function claimLines(claims: JsonObject, under = ''): string[] {
  return Object.entries(claims).flatMap(([name, value]) =>
    isJsonObject(value) ? claimLines(value, `${under}${name}.`) : [`${under}${name} = ${String(value)}`],
  );
}
