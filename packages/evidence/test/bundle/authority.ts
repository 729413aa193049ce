/** A time-stamp authority of openssl: a root, a signer for time-stamps alone, and answers. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface TestAuthority {
  /** PEM. */
  readonly certificate: string;
  /** The answer to a request (RFC 3161), as DER. */
  answer(request: Uint8Array): Buffer;
}

const CONFIG = `[tsa]
default_tsa = one
[one]
serial = serial
signer_cert = signer.pem
signer_key = signer.key
signer_digest = sha256
default_policy = 1.3.6.1.4.1.99999.1
digests = sha256
ess_cert_id_alg = sha256
`;

/** `usage`: what the signer's certificate says it is for. */
export function makeAuthority(folder: string, usage = 'critical,timeStamping'): TestAuthority {
  const run = (...parts: string[]): void => {
    execFileSync('openssl', parts, { cwd: folder, stdio: 'ignore' });
  };
  const key = ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out'];
  run(...key, 'root.key');
  run('req', '-x509', '-new', '-key', 'root.key', '-subj', '/CN=Root', '-days', '30', '-out', 'root.pem');
  run(...key, 'signer.key');
  run('req', '-new', '-key', 'signer.key', '-subj', '/CN=Signer', '-out', 'signer.csr');
  writeFileSync(join(folder, 'extensions'), `extendedKeyUsage=${usage}\nkeyUsage=critical,digitalSignature\n`);
  run(
    ...['x509', '-req', '-in', 'signer.csr', '-CA', 'root.pem', '-CAkey', 'root.key', '-CAcreateserial'],
    ...['-days', '30', '-extfile', 'extensions', '-out', 'signer.pem'],
  );
  writeFileSync(join(folder, 'tsa.cnf'), CONFIG);
  writeFileSync(join(folder, 'serial'), '01\n');
  return {
    certificate: readFileSync(join(folder, 'root.pem'), 'utf8'),
    answer: (request) => {
      writeFileSync(join(folder, 'request'), request);
      run('ts', '-reply', '-config', 'tsa.cnf', '-queryfile', 'request', '-out', 'answer');
      return readFileSync(join(folder, 'answer'));
    },
  };
}
