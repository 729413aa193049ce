/**
 * Settings, from a YAML file (`hivekey.yaml`, or HIVEKEY_CONFIG) and the environment; the environment
 * wins. All of it is checked before anything starts. `<NAME>_FILE` reads a secret's value from a file.
 */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { Failure } from './errors.ts';
import { Secret } from './secret.ts';

const list = z.array(z.string().min(1)).default([]);

const schema = z.strictObject({
  port: z.int().min(0).max(65_535).default(7420),
  host: z.string().min(1).default('127.0.0.1'),
  /** Folder for keys, the embedded database and checkpoint copies. */
  data: z.string().min(1).default('./.hivekey'),
  database_url: z.string().optional(),
  /** Origin people and agents use when it is not http://host:port, e.g. behind a proxy. */
  public_url: z.url({ protocol: /^https?$/ }).optional(),
  /** Further Host and Origin values that are served, beside host, localhost and public_url. */
  allowed_hosts: list,
  environment: z.string().min(1).max(32).default('prod'),
  log_level: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  /** 32 bytes in base64; made in the data folder when absent. All other keys are derived from it. */
  secret_key: z.string().optional(),
  /** Where signed checkpoints are copied; `<data>/checkpoints` when absent. */
  checkpoint_file: z.string().optional(),
  /** C2SP witness that receives checkpoints. */
  witness_url: z.url({ protocol: /^https?$/ }).optional(),
  /** RFC 3161 authority that time-stamps bundles of evidence, and the file with the certificates (PEM) that vouch for it. */
  timestamp_url: z.url({ protocol: /^https?$/ }).optional(),
  timestamp_ca: z.string().min(1).optional(),
  /** Hosts, host:port or CIDR ranges of upstreams that may be private addresses. */
  upstream_allow: list,
  /** Environment variables that `env://NAME` credentials may read. */
  upstream_env: list,
  /** Folder from which `file://…` credentials may be read. */
  upstream_files: z.string().optional(),
  /** Environment variables and folder from which `env://…` and `file://…` key-encryption keys may be read. */
  key_env: list,
  key_files: z.string().optional(),
  /** HashiCorp Vault or OpenBao, for `hashicorp://…` credentials and `transit://…` keys: its address, such as https://vault.acme.example:8200. */
  vault_addr: z.url({ protocol: /^https?$/ }).optional(),
  vault_namespace: z.string().min(1).optional(),
  /** How HiveKey logs in there; see docs/guides/credentials.md. */
  vault_auth: z.enum(['token', 'approle', 'kubernetes']).default('token'),
  /** Where that method is mounted, when not under its own name. */
  vault_auth_mount: z.string().min(1).optional(),
  vault_token_path: z.string().min(1).optional(),
  vault_role_id: z.string().min(1).optional(),
  vault_secret_id_path: z.string().min(1).optional(),
  /** The file holds a response-wrapping token. */
  vault_secret_id_wrapped: z.union([z.boolean(), z.stringbool()]).default(false),
  vault_role: z.string().min(1).optional(),
  vault_jwt_path: z.string().min(1).default('/var/run/secrets/kubernetes.io/serviceaccount/token'),
  /** Mounts, or paths in them, below which `hashicorp://…` credentials may be read. */
  vault_paths: list,
  /** Beginnings of the names or ARNs that `aws-sm://…` credentials may read. */
  aws_secrets: list,
  /** Folder below which file sinks may write. */
  sink_files: z.string().min(1).optional(),
  body_limit_bytes: z
    .int()
    .min(1024)
    .max(64 * 1024 * 1024)
    .default(1024 * 1024),
  requests_per_minute: z.int().min(1).default(6000),
  permit_seconds: z.int().min(1).max(3600).default(60),
  hold_seconds: z.number().min(0.1).max(280).default(50),
  /** MCP clients that can open links get one to the approval of a held call: where who runs an agent also approves. */
  approval_pointers: z.union([z.boolean(), z.stringbool()]).default(false),
  /** Directories may ask for agents over SCIM, by the draft of an extension that still changes. */
  scim_agents: z.union([z.boolean(), z.stringbool()]).default(false),
  shutdown_seconds: z.int().min(1).max(600).default(10),
});

type Settings = z.output<typeof schema>;

export interface Config extends Omit<Settings, 'database_url' | 'secret_key'> {
  /** Absolute. */
  readonly data: string;
  readonly databaseUrl: Secret | undefined;
  readonly secretKey: Secret | undefined;
}

const LISTS = new Set(['allowed_hosts', 'upstream_allow', 'upstream_env', 'key_env', 'vault_paths', 'aws_secrets']);
const NUMBERS = new Set([
  'port',
  'body_limit_bytes',
  'requests_per_minute',
  'permit_seconds',
  'hold_seconds',
  'shutdown_seconds',
]);
/** Variables of the command line and of the start script, which are not settings of the server. */
const FOREIGN = new Set([
  'HIVEKEY_CONFIG',
  'HIVEKEY_URL',
  'HIVEKEY_KEY',
  'HIVEKEY_TOKEN',
  'HIVEKEY_TOKEN_FILE',
  'HIVEKEY_TEST_CLUSTER',
]);

function fromEnvironment(environment: NodeJS.ProcessEnv): Record<string, unknown> {
  const settings: Record<string, unknown> = {};
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith('HIVEKEY_') || FOREIGN.has(variable) || text === undefined || text === '') continue;
    const isFile = variable.endsWith('_FILE') && variable !== 'HIVEKEY_CHECKPOINT_FILE';
    const name = variable.slice('HIVEKEY_'.length, isFile ? -'_FILE'.length : undefined).toLowerCase();
    const value = isFile ? readSecretFile(variable, text) : text;
    if (LISTS.has(name))
      settings[name] = value
        .split(',')
        .map((item) => item.trim())
        .filter(Boolean);
    else if (NUMBERS.has(name)) settings[name] = value.trim() === '' ? value : Number(value);
    else settings[name] = value;
  }
  return settings;
}

function readSecretFile(variable: string, path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    throw new Failure(
      500,
      'config_invalid',
      `${variable} names a file that cannot be read.`,
      'Check the path and its permissions.',
    );
  }
}

function fromFile(environment: NodeJS.ProcessEnv): Record<string, unknown> {
  const named = environment.HIVEKEY_CONFIG;
  const path = resolve(named ?? 'hivekey.yaml');
  if (named === undefined && !existsSync(path)) return {};
  try {
    const document: unknown = parse(readFileSync(path, 'utf8'), { maxAliasCount: 0 });
    if (document === null) return {};
    if (typeof document === 'object' && !Array.isArray(document)) return { ...document };
    throw new Error('the file is not a map of settings');
  } catch (error) {
    throw new Failure(
      500,
      'config_invalid',
      `${path} cannot be used: ${error instanceof Error ? error.message : 'unreadable'}`,
      'See docs/guides/operator.md for the settings.',
    );
  }
}

/** Reads and checks all settings. Throws `config_invalid` naming each wrong one; values are never repeated, they may be secrets. */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const parsed = schema.safeParse({ ...fromFile(environment), ...fromEnvironment(environment) });
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) =>
      issue.code === 'unrecognized_keys'
        ? `unknown setting ${issue.keys.join(', ')}`
        : `${issue.path.join('.')}: ${issue.message}`,
    );
    throw new Failure(
      500,
      'config_invalid',
      `The configuration is wrong: ${problems.join('; ')}.`,
      'Each setting is described in docs/guides/operator.md.',
    );
  }
  const { database_url, secret_key, ...settings } = parsed.data;
  return {
    ...settings,
    data: resolve(settings.data),
    databaseUrl: database_url === undefined ? undefined : new Secret(database_url),
    secretKey: secret_key === undefined ? undefined : new Secret(secret_key),
  };
}
