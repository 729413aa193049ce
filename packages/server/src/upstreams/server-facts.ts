/** What a server’s settings mean for its definitions, and how they stand on records. Pure but for the record. */
import { Failure } from '../errors.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { type PreparedDefinition, prepareDefinition } from './definitions.ts';
import { injectionJson } from './injection.ts';
import type { ServerSettings } from './input.ts';
import { pinOf } from './pins.ts';
import type { DefinitionRow, NamingRules } from './reconcile.ts';
import type { RenameMap } from './server-map.ts';
import type { StoredServer } from './servers.ts';

export function pinMismatch(what: string, pin: string): Failure {
  return new Failure(
    409,
    'pin_mismatch',
    `${what} is not what was looked at: it has the pin ${pin} now.`,
    'Read it again and approve that.',
  );
}

export function rulesOf({ namespace, renameMap, settings }: StoredServer): NamingRules {
  const { defaultAccess, trustAnnotations } = settings;
  return { namespace, renameMap, defaultAccess, trustAnnotations };
}

/** What is stored was prepared once, so it can be prepared again. */
export function preparing({ transport }: ServerSettings): (row: DefinitionRow) => PreparedDefinition {
  return (row) => {
    const prepared = prepareDefinition(row, transport);
    if (prepared === undefined) throw new Error(`the stored definition of ${row.capability} cannot be read`);
    return prepared;
  };
}

export function mapEntries(map: RenameMap): (readonly [string, { readonly maps: string; readonly access: string }])[] {
  return Object.entries(map).map(([name, { maps, access }]) => [name, { maps, access }]);
}

/** Also in its order, because it is given back as it was written. */
export function sameMap(one: RenameMap, other: RenameMap): boolean {
  return JSON.stringify(mapEntries(one)) === JSON.stringify(mapEntries(other));
}

/** A server's settings for a record; a query may hold more than an address, so it stands there as a digest. */
export function settingsFields(
  settings: ServerSettings,
): Readonly<Record<string, string | boolean | readonly string[]>> {
  const { endpoint, command, injection, credentialRef } = settings;
  const url = endpoint === undefined ? undefined : new URL(endpoint);
  return {
    transport: settings.transport,
    ...(url === undefined ? {} : { endpoint: url.origin + url.pathname }),
    ...(command?.[0] === undefined ? {} : { command: command[0] }),
    ...(credentialRef === undefined ? {} : { credential: credentialRef }),
    default_access: settings.defaultAccess,
    trust_annotations: settings.trustAnnotations,
    allow_private: settings.allowPrivate,
    settings: pinOf({
      endpoint: endpoint ?? null,
      command: command ?? null,
      environment: settings.environment,
      injection: injection === undefined ? null : injectionJson(injection),
      ...(settings.custody.kind === 'injected' ? {} : { custody: { ...settings.custody } }),
    }),
  };
}

export function recordServer(
  transaction: LoggedTransaction,
  { id, namespace }: Pick<StoredServer, 'id' | 'namespace'>,
  actor: string,
  change: string,
  more: Readonly<Record<string, unknown>> = {},
): void {
  transaction.log({ kind: 'server.changed', actor, server: namespace, server_id: id, change, ...more });
}
