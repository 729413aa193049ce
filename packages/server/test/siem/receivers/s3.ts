/**
 * A local object store, true to what the S3 API reference says of what the sink uses: signatures of version 4 over all
 * that was sent, `If-None-Match: *`, SHA-256 checksums, metadata, Object Lock, and errors in XML.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Certificate } from '../../../../../test/setup/certificates.ts';

const REGION = 'eu-central-1';

interface StoredObject {
  readonly body: Buffer;
  readonly headers: IncomingMessage['headers'];
}

/** What happens to the next request instead: an answer, a cut before or after it was stored. */
type Fault = { readonly status: number; readonly code: string } | 'cut' | 'cut when stored';

export interface ObjectStore extends AsyncDisposable {
  readonly url: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** By key, of the bucket `siem`, which has Object Lock, and of `plain`, which has none. */
  readonly buckets: Readonly<Record<'siem' | 'plain', Map<string, StoredObject>>>;
  /** For the next requests, one each. */
  readonly faults: Fault[];
}

class Refused extends Error {
  readonly status: number;
  constructor(status: number, code: string) {
    super(code);
    this.status = status;
  }
}

/** `onStored` sees each object when it is stored. */
export async function startObjectStore(
  certificate?: Certificate,
  onStored?: (key: string, body: Buffer) => void,
): Promise<ObjectStore> {
  const [accessKeyId, secretAccessKey] = ['AKIASIEM', 'a-secret-access-key-of-the-sink'];
  const buckets = { siem: new Map<string, StoredObject>(), plain: new Map<string, StoredObject>() };
  const faults: Fault[] = [];

  const listener: RequestListener = async (request, response) => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      return;
    }
    const body = Buffer.concat(chunks);
    const fault = faults.shift();
    if (fault === 'cut') return void request.socket.destroy();
    try {
      if (typeof fault === 'object') throw new Refused(fault.status, fault.code);
      checkSignature(request, body);
      const [, bucket = '', key = ''] = /^\/([^/]+)\/([^?]+)/.exec(decodeURIComponent(request.url ?? '')) ?? [];
      const objects = bucket === 'siem' || bucket === 'plain' ? buckets[bucket] : undefined;
      if (objects === undefined) throw new Refused(404, 'NoSuchBucket');
      if (request.method === 'PUT') {
        put(objects, key, body, request.headers, bucket === 'siem');
        onStored?.(key, body);
        if (fault === 'cut when stored') return void request.socket.destroy();
        response.writeHead(200, { etag: `"${createHash('md5').update(body).digest('hex')}"` }).end();
        return;
      }
      const found = objects.get(key);
      if (request.method !== 'HEAD' || found === undefined) throw new Refused(404, 'NoSuchKey');
      const metadata = Object.entries(found.headers).filter(([name]) => name.startsWith('x-amz-meta-'));
      response.writeHead(200, { ...Object.fromEntries(metadata), 'content-length': found.body.length }).end();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const xml = `<?xml version="1.0"?><Error><Code>${error.message}</Code><Message>refused: ${secretAccessKey}</Message></Error>`;
      response.writeHead(error.status, { 'content-type': 'application/xml' });
      response.end(request.method === 'HEAD' ? undefined : xml);
    }
  };

  function checkSignature({ headers, method, url = '' }: IncomingMessage, body: Buffer): void {
    const [, credential = '', signed = '', signature = ''] =
      /^AWS4-HMAC-SHA256 Credential=(\S+), SignedHeaders=(\S+), Signature=([0-9a-f]{64})$/.exec(
        headers.authorization ?? '',
      ) ?? [];
    const [keyId, date = '', region, service, end] = credential.split('/');
    const time = String(headers['x-amz-date'] ?? '');
    if (keyId !== accessKeyId) throw new Refused(403, 'InvalidAccessKeyId');
    if (region !== REGION || service !== 's3' || end !== 'aws4_request' || !time.startsWith(date))
      throw new Refused(400, 'AuthorizationHeaderMalformed');
    const names = signed.split(';');
    for (const name of Object.keys(headers))
      if ((name === 'host' || name.startsWith('x-amz-') || name === 'if-none-match') && !names.includes(name))
        throw new Refused(403, 'AccessDenied');
    const payload = String(headers['x-amz-content-sha256'] ?? '');
    if (payload !== 'UNSIGNED-PAYLOAD' && payload !== sha256(body).toString('hex'))
      throw new Refused(400, 'XAmzContentSHA256Mismatch');
    const [path = '', query = ''] = url.split('?');
    const canonical = [
      method,
      path,
      query.split('&').sort().join('&'),
      ...names.map((name) => `${name}:${String(headers[name] ?? '').trim()}`),
      '',
      signed,
      payload,
    ].join('\n');
    const scope = `${date}/${REGION}/s3/aws4_request`;
    const text = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha256(Buffer.from(canonical)).toString('hex')}`;
    const key = [date, REGION, 's3', 'aws4_request'].reduce<Buffer>(hmac, Buffer.from(`AWS4${secretAccessKey}`));
    if (!timingSafeEqual(hmac(key, text), Buffer.from(signature.padEnd(64, '0'), 'hex')))
      throw new Refused(403, 'SignatureDoesNotMatch');
  }

  const server =
    certificate === undefined
      ? createServer(listener)
      : createTlsServer({ cert: certificate.certificate, key: certificate.key }, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `${certificate === undefined ? 'http' : 'https'}://localhost:${port}`,
    region: REGION,
    accessKeyId,
    secretAccessKey,
    buckets,
    faults,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function put(
  objects: Map<string, StoredObject>,
  key: string,
  body: Buffer,
  headers: IncomingMessage['headers'],
  hasLock: boolean,
): void {
  if (headers['x-amz-checksum-sha256'] !== sha256(body).toString('base64')) throw new Refused(400, 'BadDigest');
  const mode = headers['x-amz-object-lock-mode'];
  const until = headers['x-amz-object-lock-retain-until-date'];
  if ((mode === undefined) !== (until === undefined)) throw new Refused(400, 'InvalidArgument');
  if (mode !== undefined && headers['x-amz-sdk-checksum-algorithm'] === undefined)
    throw new Refused(400, 'InvalidRequest');
  if (mode !== undefined && !hasLock) throw new Refused(400, 'InvalidRequest');
  if (headers['if-none-match'] === '*' && objects.has(key)) throw new Refused(412, 'PreconditionFailed');
  objects.set(key, { body, headers });
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
