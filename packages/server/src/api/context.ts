/** What every route file is given. Made once, in server.ts. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Pool } from 'pg';
import type { BrowserSignIn } from '../agent-auth/index.ts';
import type { Approvals } from '../approvals/index.ts';
import type { Worlds } from '../blast-radius/index.ts';
import type { Channels } from '../channels/index.ts';
import type { Config } from '../config.ts';
import type { DetectionWatch } from '../detections/index.ts';
import type { DriftWatch } from '../drift/index.ts';
import type { HttpApis } from '../http-apis/index.ts';
import type { ServerKeys, WorkspaceRole } from '../identity/index.ts';
import type { KeyId, PersonId, SessionId, WorkspaceId } from '../ids.ts';
import type { LoggedTransaction, RunningLog } from '../log/index.ts';
import type { Logger, Metrics } from '../observability/index.ts';
import type { ActionPath } from '../path/index.ts';
import type { Permits } from '../permits/index.ts';
import type { Previews } from '../previews/index.ts';
import type { Sinks } from '../siem/index.ts';
import type { SignInParts } from '../sign-in/index.ts';
import type { UnregisteredIdentities } from '../unregistered/index.ts';
import type { ManagedUpstreams, SecretStore } from '../upstreams/index.ts';
import type { ControlledTypes } from '../versions/index.ts';
import type { Webhooks } from '../webhooks/index.ts';
import type { Reads } from './audit-reads.ts';

export interface ApiContext {
  readonly pool: Pool;
  readonly log: RunningLog;
  /** Whatever route gives out records of the log notes it here first. */
  readonly reads: Reads;
  readonly path: ActionPath;
  readonly secrets: SecretStore;
  readonly signIn: SignInParts;
  readonly browserSignIn: BrowserSignIn;
  readonly upstreams: ManagedUpstreams;
  readonly httpApis: HttpApis;
  readonly approvals: Approvals;
  readonly permits: Permits;
  readonly unregistered: UnregisteredIdentities;
  readonly webhooks: Webhooks;
  readonly channels: Channels;
  /** Where the log is streamed to. */
  readonly sinks: Sinks;
  /** What blast radii are computed from. */
  readonly worlds: Worlds;
  /** What is under change control. */
  readonly controlled: ControlledTypes;
  readonly drift: DriftWatch;
  readonly detections: DetectionWatch;
  /** Makes the capabilities that come from servers again, from what is let in of them. */
  readonly renewCapabilities: (transaction: LoggedTransaction, workspaceId: WorkspaceId) => Promise<void>;
  readonly previews: Previews;
  readonly keys: ServerKeys;
  readonly config: Config;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly version: string;
  readonly nodeId: string;
  /** Origin that people and agents use. */
  readonly url: string;
  /** Epoch milliseconds. */
  readonly clock: () => number;
}

/** Fastify whose schemas are Zod. */
export type Api = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** Who manages: a person who signed in, or the holder of an admin key, directly or through a console session. */
export interface Administrator {
  readonly workspaceId: WorkspaceId;
  /** What was presented: an admin key, or the console session of a person. */
  readonly credentialId: KeyId | SessionId;
  /** As it stands in the log, e.g. `key:ops` or `person:dana@acme.example`. */
  readonly actor: string;
  readonly via: 'key' | 'session';
  /** What it may do, as of this request; `api/permissions.ts` says what each role may. */
  readonly roles: readonly WorkspaceRole[];
  /** Whom the key or session belongs to. Without one it manages, and decides nothing that takes a person. */
  readonly person?: { readonly id: PersonId; readonly email: string };
  /** When the holder of a console session was authenticated; a key is with its request. Epoch milliseconds. */
  readonly authenticatedAtMs?: number;
  /** The console session, with what is known of the sign-in. */
  readonly session?: SignIn;
  /** Of somebody of an audit firm: the open engagement that lets them in. `engagements/boundary.ts` keeps them within it. */
  readonly engagement?: EngagementScope;
}

/** What an engagement lets its people see: half-open, epoch milliseconds. */
export interface EngagementScope {
  readonly id: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** How the holder of a console session was authenticated. */
export interface SignIn {
  readonly id: SessionId;
  readonly method: 'key' | 'oidc' | 'saml' | 'passkey';
  /** As the identity provider names them (OpenID Connect Core 2); nothing where it says nothing. */
  readonly acr?: string;
  readonly amr: readonly string[];
  /** Of the last step-up with a passkey, epoch milliseconds. */
  readonly steppedUpAtMs?: number;
}

/** A file of routes registers itself on the API: `export function agentRoutes(api: Api, context: ApiContext): void`. */
export type Routes = (api: Api, context: ApiContext) => void;

declare module 'fastify' {
  interface FastifyRequest {
    /** Set for routes behind an admin key or session; reading it elsewhere throws. */
    administrator: Administrator;
  }
}

export type { FastifyRequest };
