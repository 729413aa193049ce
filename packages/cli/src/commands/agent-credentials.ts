/** credential: keys, workload identity and connections of agents, beside tokens. */
import type { Credential, WorkloadIssuer } from '@hivekey/sdk';
import type { Command } from 'commander';
import { type Columns, stateLabel, when } from '../output.ts';
import { online } from '../run.ts';
import { duration, jsonArgument, jsonObject, readText } from '../values.ts';

const CREDENTIALS: Columns<Credential> = {
  kind: ({ kind }) => kind,
  name: ({ name }) => name,
  proof: proofOf,
  status: ({ status }) => stateLabel(status),
  ends: ({ expires_at }) => when(expires_at),
  'last use': ({ last_used_at }) => when(last_used_at),
  id: ({ id }) => id,
};

function proofOf({ key, federation, connection, last4 }: Credential): string {
  if (key !== null) return `${key.algorithm} ${key.thumbprint.slice(0, 12)}…`;
  if (federation !== null) return `${federation.issuer_name} ${JSON.stringify(federation.claims)}`;
  return connection === null
    ? `…${last4}`
    : `${connection.client_host ?? connection.client_id} by ${connection.person}`;
}

const ISSUERS: Columns<WorkloadIssuer> = {
  name: ({ name }) => name,
  kind: ({ kind }) => kind,
  issuer: ({ issuer }) => issuer,
  keys: ({ jwks_url, key_ids }) => jwks_url ?? `${key_ids?.length ?? 0} pasted`,
  rules: ({ rules }) => String(rules),
  status: ({ status }) => stateLabel(status),
};

interface Common {
  readonly name?: string;
  readonly role?: string;
  readonly dpop?: true;
  readonly expires?: number;
}

function bodyOf({ name, role, dpop, expires }: Common): Record<string, unknown> {
  return {
    ...(name === undefined ? {} : { name }),
    ...(role === undefined ? {} : { role }),
    ...(dpop === undefined ? {} : { dpop: 'required' }),
    ...(expires === undefined ? {} : { expires_in_seconds: expires }),
  };
}

const pathOf = (agent: string): string => `/v1/agents/${encodeURIComponent(agent)}/credentials`;

function withCommon(command: Command): Command {
  return command
    .option('--name <name>', 'what it is used by')
    .option('--role <role>', 'narrow it to one of the roles of the agent')
    .option('--dpop', 'its access tokens are bound to a key of the client')
    .option('--expires <duration>', 'life, e.g. 30d (default 90d, at most 366d)', duration);
}

export function addAgentCredentialCommands(program: Command): void {
  const group = program.command('credential').description('keys and workload identity of agents, beside tokens');
  group
    .command('list <agent>')
    .description('tokens, keys, rules and connections of an agent, with status and last use')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, agent) => {
        const { data } = await hivekey.request<{ data: readonly Credential[] }>('GET', pathOf(agent));
        out.table(data, CREDENTIALS, `${agent} has no credentials.`);
        return undefined;
      }),
    );
  withCommon(
    group
      .command('add-key <agent>')
      .description('register a public key')
      .requiredOption('--jwk <file>', 'the public key as a JWK; - reads standard input'),
  ).action(
    online<[string], Common & { jwk: string }>(async ({ out, hivekey }, { jwk, ...common }, agent) => {
      const body = { kind: 'key', ...bodyOf(common), jwk: jsonObject(readText(jwk)) };
      const made = await hivekey.request<Credential>('POST', pathOf(agent), { body });
      out.result(
        made,
        () => `${made.id}: ${made.agent} (${made.agent_id}) logs in with this key until ${when(made.expires_at)}.`,
      );
      return undefined;
    }),
  );
  withCommon(
    group
      .command('add-rule <agent>')
      .description('a workload with these claims is the agent')
      .requiredOption('--issuer <name>', 'who vouches for it; see `credential trust`')
      .requiredOption(
        '--claims <json>',
        'members that the claims must have, and their exact values; @FILE reads them from a file',
      ),
  ).action(
    online<[string], Common & { issuer: string; claims: string }>(
      async ({ out, hivekey }, { issuer, claims, ...common }, agent) => {
        const body = { kind: 'federation', ...bodyOf(common), issuer, claims: jsonArgument(claims) };
        const made = await hivekey.request<Credential>('POST', pathOf(agent), { body });
        out.result(made, () => `${made.id}: such workloads are ${made.agent} until ${when(made.expires_at)}.`);
        return undefined;
      },
    ),
  );
  group
    .command('revoke <agent> <id>')
    .description('end a key, rule or connection now, with its access tokens')
    .action(
      online<[string, string], object>(async ({ out, hivekey }, _, agent, id) => {
        const path = `${pathOf(agent)}/${encodeURIComponent(id)}/revoke`;
        const ended = await hivekey.request<Credential>('POST', path);
        out.result(ended, () => `${ended.id} is ${ended.status}.`);
        return undefined;
      }),
    );
  addIssuerCommands(group);
}

function addIssuerCommands(group: Command): void {
  group
    .command('issuers')
    .description('who vouches for workloads')
    .action(
      online(async ({ out, hivekey }) => {
        const { data } = await hivekey.request<{ data: readonly WorkloadIssuer[] }>('GET', '/v1/workload-issuers');
        out.table(data, ISSUERS, 'Nobody vouches for workloads. Trust an issuer: hivekey credential trust NAME …');
        return undefined;
      }),
    );
  group
    .command('trust <name>')
    .description('trust an issuer of workload tokens')
    .requiredOption('--kind <kind>', 'github, kubernetes, spiffe or oidc')
    .requiredOption('--issuer <iss>', 'iss of its tokens; of SPIFFE the trust domain, spiffe://…')
    .option('--jwks-url <url>', 'where its keys are')
    .option('--jwks <file>', 'its keys; - reads standard input')
    .action(
      online<[string], { kind: string; issuer: string; jwksUrl?: string; jwks?: string }>(
        async ({ out, hivekey }, { kind, issuer, jwksUrl, jwks }, name) => {
          const keys = {
            ...(jwksUrl === undefined ? {} : { jwks_url: jwksUrl }),
            ...(jwks === undefined ? {} : { jwks: jsonObject(readText(jwks)) }),
          };
          const body = { name, kind, issuer, ...keys };
          const made = await hivekey.request<WorkloadIssuer>('POST', '/v1/workload-issuers', { body });
          out.result(made, () => `${made.name} is trusted. Its tokens must be for ${made.audience}.`);
          return undefined;
        },
      ),
    );
  group
    .command('distrust <name>')
    .description('trust an issuer no more; its rules and their access tokens end')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, name) => {
        const path = `/v1/workload-issuers/${encodeURIComponent(name)}`;
        const ended = await hivekey.request<WorkloadIssuer>('DELETE', path);
        out.result(ended, () => `${ended.name} is ${ended.status}.`);
        return undefined;
      }),
    );
}
