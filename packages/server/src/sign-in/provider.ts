/** Identity providers: where people prove who they are. What is of one protocol alone stands in `settings`. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import { Failure } from '../errors.ts';
import type { ProviderId, WorkspaceId } from '../ids.ts';

export const PROVIDER_KINDS = ['oidc', 'saml'] as const;
export type ProviderKind = (typeof PROVIDER_KINDS)[number];

export interface IdentityProvider {
  readonly workspaceId: WorkspaceId;
  readonly id: ProviderId;
  readonly kind: ProviderKind;
  /** As the sign-in page shows it. */
  readonly name: string;
  /** Issuer of OpenID Connect, entity id of SAML; unique in the workspace. */
  readonly issuer: string;
  /** Parsed by the schema of the kind. */
  readonly settings: unknown;
  /** People who are not known are added at their first sign-in when their e-mail is of one of these; empty: of any. Null: they are not. */
  readonly jitDomains: readonly string[] | null;
  /** Claim, or attribute, that names the groups of a person. */
  readonly groupsClaim: string | null;
  /** Those groups become the person's own. */
  readonly syncGroups: boolean;
  /** SCIM connection whose people are known by their externalId. */
  readonly scimConnection: string | null;
  readonly active: boolean;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly updatedAt: Date;
  /** When somebody last came in by it; null: nobody has. */
  readonly lastSignInAt?: Date | null;
}

/** What every kind of provider has, as given in a request. */
export const commonSettings = {
  name: z
    .string()
    .trim()
    .min(1)
    .max(64)
    .regex(/^[^\p{C}]+$/u, 'has control characters'),
  jit_domains: z
    .array(z.string().regex(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/, 'is not a domain in lower case'))
    .max(100)
    .nullable()
    .default(null)
    .meta({
      description:
        'People who are not known are added at their first sign-in when their e-mail is of one of these domains; empty: of any; null: never.',
    }),
  groups_claim: z.string().min(1).max(256).nullable().default(null).meta({
    description: 'Claim, or attribute, that names the groups of a person. They give the roles of PUT /v1/group-roles.',
  }),
  sync_groups: z.boolean().default(false).meta({
    description: 'These groups become the person’s own as well, where no directory provides the person.',
  }),
  scim_connection: z.string().max(64).nullable().default(null).meta({
    description: 'People whom this SCIM connection provides sign in without an invitation, known by their externalId.',
  }),
} as const;

const { name, jit_domains, groups_claim, sync_groups, scim_connection } = commonSettings;
/** The same in a change, in which what is absent stays. */
export const commonChange = {
  name: name.optional(),
  jit_domains: jit_domains.unwrap().optional(),
  groups_claim: groups_claim.unwrap().optional(),
  sync_groups: sync_groups.unwrap().optional(),
  scim_connection: scim_connection.unwrap().optional(),
} as const;

const COLUMNS = `workspace_id AS "workspaceId", id, kind, name, issuer, settings, jit_domains AS "jitDomains",
  groups_claim AS "groupsClaim", sync_groups AS "syncGroups", scim_connection AS "scimConnection", active,
  created_at AS "createdAt", created_by AS "createdBy", updated_at AS "updatedAt",
  (SELECT max(i.last_used_at) FROM person_identities i
    WHERE i.workspace_id = identity_providers.workspace_id AND i.provider_id = identity_providers.id) AS "lastSignInAt"`;

/** By name. */
export async function listProviders(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
): Promise<readonly IdentityProvider[]> {
  const { rows } = await client.query<IdentityProvider>(
    `SELECT ${COLUMNS} FROM identity_providers WHERE workspace_id = $1 ORDER BY lower(name), id`,
    [workspaceId],
  );
  return rows;
}

/** Undefined when there is none. Ids are not used twice, so that without a session a provider names its workspace. */
async function findProvider(
  client: Pool | ClientBase,
  id: string,
  workspaceId?: WorkspaceId,
): Promise<IdentityProvider | undefined> {
  const { rows } = await client.query<IdentityProvider>(
    `SELECT ${COLUMNS} FROM identity_providers WHERE id = $1 AND ($2::text IS NULL OR workspace_id = $2)`,
    [id, workspaceId ?? null],
  );
  return rows[0];
}

/** Throws `provider_not_found`. */
export async function readProvider(
  client: Pool | ClientBase,
  id: string,
  workspaceId?: WorkspaceId,
): Promise<IdentityProvider> {
  const provider = await findProvider(client, id, workspaceId);
  if (provider !== undefined) return provider;
  throw new Failure(
    404,
    'provider_not_found',
    `There is no identity provider "${id}".`,
    'List them with GET /v1/identity-providers.',
  );
}

/** Throws `provider_not_found`, also for one of another kind. */
export async function readProviderOfKind(
  client: Pool | ClientBase,
  id: string,
  workspaceId: WorkspaceId | undefined,
  kind: ProviderKind,
): Promise<IdentityProvider> {
  const provider = await readProvider(client, id, workspaceId);
  if (provider.kind === kind) return provider;
  throw new Failure(
    404,
    'provider_not_found',
    `"${id}" is no identity provider of kind ${kind}.`,
    'List them with GET /v1/identity-providers.',
  );
}

/** Of an answer of the provider: throws `provider_not_found`, `provider_disabled`. */
export async function readActiveProvider(
  client: Pool | ClientBase,
  id: string,
  kind: ProviderKind,
): Promise<IdentityProvider> {
  const provider = await readProviderOfKind(client, id, undefined, kind);
  if (provider.active) return provider;
  throw providerDisabled(provider);
}

export function providerDisabled({ name }: IdentityProvider): Failure {
  return new Failure(
    403,
    'provider_disabled',
    `The identity provider ${name} is disabled.`,
    'Ask an administrator of the workspace to enable it, or use another one.',
  );
}
