/**
 * SimpleSAMLphp, an implementation of SAML that shares no code with ours, from the packages `simplesamlphp php-cli php-xml`
 * of Debian. It is tried where it is installed; a fresh machine does without.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const INSTALLED = '/usr/share/simplesamlphp';
export const hasSimpleSamlPhp = existsSync(INSTALLED) && existsSync('/usr/bin/php');

export interface SimpleSamlPhp {
  readonly origin: string;
  readonly metadataUrl: string;
  /** Makes a service provider known to it. */
  know(own: { readonly entity_id: string; readonly acs_url: string; readonly logout_url: string }): Promise<void>;
  close(): Promise<void>;
}

/** Knows one person, `lee` with the password `pw`. */
export async function startSimpleSamlPhp(): Promise<SimpleSamlPhp> {
  const folder = await mkdtemp(join(tmpdir(), 'hivekey-saml-'));
  const port = await freePort();
  const origin = `http://localhost:${port}`;
  const fixtures = fileURLToPath(new URL('../../packages/server/test/saml/fixtures/', import.meta.url));
  for (const name of ['config', 'metadata', 'cert', 'log', 'data', 'tmp']) await mkdir(join(folder, name));
  await copyFile(join(fixtures, 'idp.key.pem'), join(folder, 'cert', 'idp.pem'));
  await copyFile(join(fixtures, 'idp.cert.pem'), join(folder, 'cert', 'idp.crt'));
  await writeFile(join(folder, 'config', 'config.php'), config(folder, origin));
  await writeFile(join(folder, 'config', 'authsources.php'), PEOPLE);
  await writeFile(join(folder, 'metadata', 'saml20-idp-hosted.php'), PROVIDER);
  const php: ChildProcess = spawn(
    '/usr/bin/php',
    ['-d', 'error_reporting=0', '-S', `127.0.0.1:${port}`, '-t', join(INSTALLED, 'www')],
    { stdio: 'ignore', env: { ...process.env, SIMPLESAMLPHP_CONFIG_DIR: join(folder, 'config') } },
  );
  const metadataUrl = `${origin}/saml2/idp/metadata.php`;
  while (!(await fetch(metadataUrl).catch(() => undefined))?.ok) {
    if (php.exitCode !== null) throw new Error(`php ended with ${php.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    origin,
    metadataUrl,
    know: ({ entity_id, acs_url, logout_url }) =>
      writeFile(
        join(folder, 'metadata', 'saml20-sp-remote.php'),
        `<?php $metadata['${entity_id}'] = ['AssertionConsumerService' => '${acs_url}', 'SingleLogoutService' => '${logout_url}'];`,
      ),
    close: async () => {
      php.kill();
      if (php.exitCode === null && php.signalCode === null) await once(php, 'exit');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return address !== null && typeof address === 'object' ? address.port : 0;
}

const config = (folder: string, origin: string) => `<?php
$config = [
  'baseurlpath' => '${origin}/', 'certdir' => '${folder}/cert/', 'loggingdir' => '${folder}/log/',
  'datadir' => '${folder}/data/', 'tempdir' => '${folder}/tmp', 'metadatadir' => '${folder}/metadata',
  'technicalcontact_email' => 'na@acme.example', 'secretsalt' => 'salt-of-the-test', 'auth.adminpassword' => 'not-used-in-the-test',
  'trusted.url.domains' => null, 'logging.handler' => 'file', 'timezone' => 'UTC',
  'enable.saml20-idp' => true, 'module.enable' => ['exampleauth' => true, 'core' => true, 'saml' => true],
  'store.type' => 'phpsession', 'session.phpsession.savepath' => '${folder}/tmp', 'session.cookie.secure' => false,
  'metadata.sources' => [['type' => 'flatfile']], 'language.default' => 'en', 'theme.use' => 'default',
];`;

const PEOPLE = `<?php
$config = ['people' => ['exampleauth:UserPass', 'lee:pw' => ['uid' => ['lee'], 'mail' => ['lee@acme.example'], 'groups' => ['ops']]]];`;

const PROVIDER = `<?php
$metadata['urn:simplesamlphp'] = [
  'host' => '__DEFAULT__', 'privatekey' => 'idp.pem', 'certificate' => 'idp.crt', 'auth' => 'people',
  'saml20.sign.assertion' => true, 'saml20.sign.response' => true, 'sign.logout' => true,
  'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  'attributes.NameFormat' => 'urn:oasis:names:tc:SAML:2.0:attrname-format:basic',
  'authproc' => [3 => ['class' => 'saml:AttributeNameID', 'attribute' => 'uid', 'Format' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent']],
];`;
