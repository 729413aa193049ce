/** AWS Secrets Manager, by the official client, which an installation that wants it adds itself. */
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { recordOf } from './json.ts';
import { CredentialUnavailable } from './unavailable.ts';

const TIMEOUT_MS = 5_000;

let client: SecretsManagerClient | undefined;

/** Region and credentials are found as the AWS tools find them. Rejects with CredentialUnavailable. */
export async function readAwsSecret({
  id,
  field,
}: {
  readonly id: string;
  readonly field: string | undefined;
}): Promise<string> {
  let text: string | undefined;
  try {
    const { GetSecretValueCommand, SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager');
    client ??= new SecretsManagerClient({});
    const answer = await client.send(new GetSecretValueCommand({ SecretId: id }), {
      abortSignal: AbortSignal.timeout(TIMEOUT_MS),
    });
    text = answer.SecretString;
  } catch (error) {
    throw new CredentialUnavailable(`AWS Secrets Manager: ${awsProblem(error)}`);
  }
  if (text === undefined) throw new CredentialUnavailable('the secret of AWS is no text');
  if (field === undefined) return text;
  const value = fieldOf(text, field);
  if (value === undefined) throw new CredentialUnavailable('the secret of AWS has no such field');
  return value;
}

function fieldOf(text: string, field: string): string | undefined {
  try {
    const value = recordOf(JSON.parse(text))[field];
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Only the kind of the error: messages repeat requests. */
export function awsProblem(error: unknown): string {
  if (!(error instanceof Error)) return 'it failed';
  if ('code' in error && error.code === 'ERR_MODULE_NOT_FOUND') return 'its client is not installed';
  return /^[A-Za-z]{1,64}$/.test(error.name) ? error.name : 'it failed';
}
