/**
 * Puts each batch into an object of its own, and a manifest beside it. A name is written once: an object that is there
 * is this one, stored by an attempt whose answer was lost, and is compared all the same.
 */
import { createHash } from 'node:crypto';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { PutObjectCommandInput, S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import { parseTarget } from '../../delivery/index.ts';
import { Failure } from '../../errors.ts';
import { guardedLookup } from '../../upstreams/index.ts';
import { loaded } from '../http/loaded.ts';
import { machineCredentials } from '../http/settings.ts';
import type { TransportDeps } from '../sink-type.ts';
import { STOPPED } from '../socket/problems.ts';
import { tlsOptions } from '../socket/tls-options.ts';
import type { Batch, Delivery, Transport } from '../transport.ts';
import type { S3Settings } from './index.ts';
import { makeContent } from './make-content.ts';
import { type Extent, extentOf, identityOf, manifestOf, namesOf } from './objects.ts';
import { isForbidden, isThere, s3Problem } from './problems.ts';

type Sdk = typeof import('@aws-sdk/client-s3');

const CONNECT_MS = 10_000;
/** Of 64 MB over a slow line. */
const REQUEST_MS = 300_000;
const DAY_MS = 86_400_000;
const PURPOSE = {
  code: 'sink',
  words: 'address of the store',
  example: 'https://s3.eu-central-1.amazonaws.com',
} as const;

/** Throws `sink_url_invalid`, `sink_url_refused`, `sink_credentials_missing`, `sink_client_missing`, `sink_format_unfit`, and what a credential throws. */
export async function openS3(settings: S3Settings, deps: TransportDeps): Promise<Transport> {
  if (settings.file === 'parquet' && deps.sink.format !== 'flat')
    throw new Failure(
      400,
      'sink_format_unfit',
      `Parquet has the fields of the flat view as its columns, and the format of the sink is ${deps.sink.format}.`,
      'Set the format of the sink to flat, or file to ndjson.gz.',
    );
  const endpoint = settings.endpoint ?? `https://s3.${settings.region}.amazonaws.com`;
  const { host, port, url } = parseTarget(endpoint, deps.rules, PURPOSE);
  // The bucket, where it stands in the host; in a path it could be any, so the whole store has to be allowed.
  if (settings.credentials === null)
    machineCredentials(settings.path_style ? endpoint : `https://${settings.bucket}.${host}:${port}`, deps.rules);
  const sdk = await loaded('@aws-sdk/client-s3', () => import('@aws-sdk/client-s3'));
  const { host: _host, servername: _name, ...tls } = await tlsOptions(host, settings.tls, deps);
  const lookup = guardedLookup(port, deps.rules);
  const client = new sdk.S3Client({
    region: settings.region,
    endpoint: url.origin,
    forcePathStyle: settings.path_style,
    // The shipper waits and tries again.
    maxAttempts: 1,
    // Ours is SHA-256; without this one of another kind is added.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    customUserAgent: deps.userAgent,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      requestTimeout: REQUEST_MS,
      httpAgent: new HttpAgent({ keepAlive: true, maxSockets: 1, lookup }),
      httpsAgent: new HttpsAgent({
        ...{ ...tls, keepAlive: true, maxSockets: 1, maxCachedSessions: 0, lookup },
        ...(settings.tls.server_name === null ? {} : { servername: settings.tls.server_name }),
      }),
    },
    ...(await credentialsOf(settings, deps)),
  });
  return new S3Transport(sdk, client, settings, deps);
}

/** Asked for at each request: keys are exchanged, and session tokens expire. */
async function credentialsOf(
  { credentials }: S3Settings,
  { secret }: TransportDeps,
): Promise<Pick<S3ClientConfig, 'credentials'>> {
  if (credentials === null) return {};
  const { access_key_id: accessKeyId, secret_access_key_ref: keyRef, session_token_ref: tokenRef } = credentials;
  const read = async () => {
    const key = await secret(keyRef);
    const token = tokenRef === null ? undefined : await secret(tokenRef);
    return {
      accessKeyId,
      secretAccessKey: key.reveal(),
      ...(token === undefined ? {} : { sessionToken: token.reveal() }),
      expiration: new Date(Date.now()),
    };
  };
  await read();
  return { credentials: read };
}

class S3Transport implements Transport {
  readonly #sdk: Sdk;
  readonly #client: S3Client;
  readonly #settings: S3Settings;
  readonly #deps: TransportDeps;

  constructor(sdk: Sdk, client: S3Client, settings: S3Settings, deps: TransportDeps) {
    this.#sdk = sdk;
    this.#client = client;
    this.#settings = settings;
    this.#deps = deps;
  }

  async send(batch: Batch, signal: AbortSignal): Promise<Delivery> {
    if (signal.aborted) return STOPPED;
    const { file } = this.#settings;
    const extent = extentOf(batch);
    const names = namesOf(extent, this.#settings, this.#deps.sink);
    const identity = identityOf(extent);
    try {
      const { bytes, sha256 } = await makeContent({
        lines: batch.events.map(({ body }) => body),
        file,
        metadata: identity,
      });
      const stored = await this.#put(
        {
          Key: names.object,
          Body: bytes,
          ChecksumSHA256: sha256,
          ContentType: file === 'parquet' ? 'application/vnd.apache.parquet' : 'application/gzip',
          Metadata: identity,
        },
        signal,
      );
      if (!stored && !(await this.#isSame(names.object, extent, signal))) return differs(names.object);
      const manifest = Buffer.from(
        manifestOf(extent, names, { bytes: bytes.length, sha256: Buffer.from(sha256, 'base64').toString('hex') }),
      );
      await this.#put(
        {
          Key: names.manifest,
          Body: manifest,
          ChecksumSHA256: createHash('sha256').update(manifest).digest('base64'),
          ContentType: 'application/json',
        },
        signal,
      );
      return { kind: 'taken', confirmed: true, duplicates: stored ? 0 : batch.events.length };
    } catch (error) {
      return s3Problem(error, signal.aborted);
    }
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }

  /** False: there is an object of that name. */
  async #put(
    object: Pick<PutObjectCommandInput, 'Key' | 'Body' | 'ChecksumSHA256' | 'ContentType' | 'Metadata'>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { bucket, object_lock: lock, kms_key_id: kms } = this.#settings;
    const command = new this.#sdk.PutObjectCommand({
      Bucket: bucket,
      IfNoneMatch: '*',
      // Named as well as given: what is locked is taken only so.
      ChecksumAlgorithm: 'SHA256',
      ...object,
      ...(kms === null ? {} : { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: kms }),
      ...(lock === null
        ? {}
        : {
            ObjectLockMode: lock.mode,
            ObjectLockRetainUntilDate: new Date(this.#deps.clock() + lock.retain_days * DAY_MS),
          }),
    });
    try {
      await this.#client.send(command, { abortSignal: signal });
      return true;
    } catch (error) {
      if (isThere(error)) return false;
      throw error;
    }
  }

  /** Who may write alone cannot look; then the name says it. */
  async #isSame(key: string, extent: Extent, signal: AbortSignal): Promise<boolean> {
    const command = new this.#sdk.HeadObjectCommand({ Bucket: this.#settings.bucket, Key: key });
    try {
      const { Metadata: found = {} } = await this.#client.send(command, { abortSignal: signal });
      return Object.entries(identityOf(extent)).every(([name, value]) => found[name] === value);
    } catch (error) {
      if (isForbidden(error)) return true;
      throw error;
    }
  }
}

function differs(key: string): Delivery {
  return { kind: 'hold', code: 'object_differs', why: `the store has another object under ${key}` };
}
