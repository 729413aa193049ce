/** What everything that manages sinks is given. */
import type { Pool } from 'pg';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { RunningLog } from '../log/index.ts';
import type { Logger, SinkObserver } from '../observability/index.ts';
import type { Secret } from '../secret.ts';
import { type AddressRules, parseCredentialRef, type SecretStore } from '../upstreams/index.ts';
import type { SinkIdentity, TransportDeps } from './sink-type.ts';
import { findSink, type Sink } from './store.ts';

export interface SinksContext {
  readonly pool: Pool;
  readonly log: RunningLog;
  readonly secrets: SecretStore;
  readonly rules: AddressRules;
  /** Folder below which file sinks may write, absolute. */
  readonly filesFolder: string | undefined;
  readonly version: string;
  readonly logger: Logger;
  readonly observe: SinkObserver;
  /** Epoch milliseconds. */
  readonly clock: () => number;
  /** Has this node look at once for streams that nobody sends. */
  readonly look: () => void;
}

export type Who = Pick<Administrator, 'workspaceId' | 'actor'>;

/** What a transport is given. */
export function depsOf(
  { secrets, rules, filesFolder, version, logger, clock }: Omit<SinksContext, 'look'>,
  sink: SinkIdentity,
): TransportDeps {
  return {
    sink,
    rules,
    filesFolder,
    logger,
    clock,
    userAgent: `HiveKey/${version}`,
    secret: (ref) => credential(secrets, sink.workspaceId, ref),
  };
}

/** Throws `credential_ref_invalid`, `credential_unavailable`. */
async function credential(secrets: SecretStore, workspaceId: WorkspaceId, ref: string): Promise<Secret> {
  // What is no reference may be the credential itself, and is not repeated.
  parseCredentialRef(ref);
  try {
    return await secrets.resolve(workspaceId, ref);
  } catch (error) {
    if (error instanceof Failure || !(error instanceof Error)) throw error;
    throw new Failure(
      400,
      'credential_unavailable',
      `The credential ${ref} cannot be had: ${error.message}.`,
      'Store it with PUT /v1/secrets/:name, or have an operator allow it.',
    );
  }
}

/** By id or name. Throws `sink_not_found`. */
export async function theSink(
  client: Parameters<typeof findSink>[0],
  workspaceId: WorkspaceId,
  id: string,
): Promise<Sink> {
  const sink = await findSink(client, workspaceId, id);
  if (sink !== undefined) return sink;
  throw new Failure(
    404,
    'sink_not_found',
    `There is no sink ${JSON.stringify(id)}.`,
    'List sinks with GET /v1/siem/sinks.',
  );
}

/** Throws `sink_not_found`, `sink_deleted`. */
export async function theLiveSink(
  client: Parameters<typeof findSink>[0],
  workspaceId: WorkspaceId,
  id: string,
): Promise<Sink> {
  const sink = await theSink(client, workspaceId, id);
  if (sink.status !== 'deleted') return sink;
  throw new Failure(409, 'sink_deleted', `The sink ${sink.name} was deleted.`, 'Create another one.');
}
