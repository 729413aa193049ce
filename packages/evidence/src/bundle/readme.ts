/** `README.html` and `README.pdf`: what is here, how to verify it, what that proves, and what is not covered. */
import { type Block, type EvidenceDocument, facts, heading, paragraph } from '../documents/model.ts';
import type { Period } from '../types.ts';
import type { BundleChanges } from './changes.ts';
import type { IndexedFile } from './index-tables.ts';
import { type Absent, titleOf } from './layout.ts';
import { MANIFEST_FILE, SIGNATURE_FILES } from './manifest.ts';
import { SIGNATURE_NAMESPACE, SIGNER } from './signing.ts';

export interface BundleFacts {
  /** Of the folder. */
  readonly name: string;
  readonly version: number;
  readonly tenant: string;
  readonly environment: string;
  readonly period: Period;
  readonly asOf: string;
  readonly generatedAt: string;
  readonly generatedBy: string;
  readonly generator: string;
  readonly log: {
    readonly size: number;
    /** `sha256:<hex>` of the last link; null for an empty log. */
    readonly head: string | null;
    readonly checkpoint: string | null;
  };
  /** `SHA256:…` of the key that signs. */
  readonly fingerprint: string;
  /** Where the fingerprint is published by the server, which is one of the other roads. */
  readonly keyUrl: string;
  readonly hasTimestamp: boolean;
  /** The file is deleted by the server after it, `YYYY-MM-DD`. */
  readonly disposeOn: string;
  readonly previous: {
    readonly version: number;
    /** `sha256:<hex>` of its manifest. */
    readonly manifest: string;
    readonly reason: string;
    readonly changes: BundleChanges;
  } | null;
  readonly absent: readonly Absent[];
  readonly isSample: boolean;
}

export const RETENTION_CLASS = 'audit evidence';
/** In the README; all of them are told by comparing two manifests. */
const MAX_LISTED = 100;

export function readmeDocument(of: BundleFacts, files: readonly IndexedFile[]): EvidenceDocument {
  return {
    tenant: of.tenant,
    environment: of.environment,
    period: of.period,
    asOf: of.asOf,
    generatedAt: of.generatedAt,
    csvSha256: null,
    isSample: of.isSample,
    title: `Evidence about agents, version ${of.version}`,
    paper: 'portrait',
    blocks: [
      facts({
        Bundle: of.name,
        'Made by': of.generatedBy,
        'Made with': of.generator,
        'Entries of the log when it was made': of.log.size,
        'Last link of the log': of.log.head,
        'Signed checkpoint': of.log.checkpoint,
        'Key that signs': of.fingerprint,
        'Time-stamp by an authority': of.hasTimestamp ? SIGNATURE_FILES.timestamp : 'none: no authority is configured',
        'Retention class': RETENTION_CLASS,
        'Disposed of by the server after': of.disposeOn,
      }),
      ...verifying(of),
      ...proving(of),
      ...contents(files),
      ...changed(of),
      ...missing(of),
    ],
  };
}

function verifying({ fingerprint, hasTimestamp }: BundleFacts): Block[] {
  const commands = [
    `sha256sum -c ${MANIFEST_FILE}`,
    'cut -d " " -f 3- keys/allowed_signers | ssh-keygen -l -f -',
    `ssh-keygen -Y verify -f keys/allowed_signers -I ${SIGNER} -n ${SIGNATURE_NAMESPACE} -s ${SIGNATURE_FILES.ssh} < ${MANIFEST_FILE}`,
    `openssl pkeyutl -verify -pubin -inkey keys/pub.pem -rawin -in ${MANIFEST_FILE} -sigfile ${SIGNATURE_FILES.raw}`,
    ...(hasTimestamp
      ? [`openssl ts -verify -data ${MANIFEST_FILE} -in ${SIGNATURE_FILES.timestamp} -CAfile keys/tsa-ca.pem`]
      : []),
  ];
  return [
    heading('How to verify it'),
    paragraph(
      `In this folder. On macOS the first is shasum -a 256 -c ${MANIFEST_FILE}. The second must print the fingerprint that you were told by another road than this bundle: engagement letter, system description, or the address below. The fourth takes OpenSSL 3.`,
    ),
    { kind: 'code', text: commands.join('\n') },
    paragraph(
      'The scripts do all of it and more: no file may be missing, changed or too many, headers must fit their files, and the index of the log must be whole. They come with the bundle, so whoever does not trust it takes them from elsewhere, or types the commands. verify.py checks every entry of the log; verify.sh and verify.ps1 check all numbers, and the first and last links.',
    ),
    {
      kind: 'code',
      text: [
        `sh verify/verify.sh ${fingerprint}`,
        `python3 verify/verify.py ${fingerprint}`,
        `powershell -ExecutionPolicy Bypass -File verify\\verify.ps1 ${fingerprint}`,
        `hivekey evidence verify . --fingerprint ${fingerprint}`,
      ].join('\n'),
    },
  ];
}

function proving({ keyUrl }: BundleFacts): Block[] {
  return [
    heading('What that proves, and what it does not'),
    {
      kind: 'list',
      items: [
        'The signature shows that nothing here has changed since it was signed by the holder of the key.',
        `A key that travels only inside the bundle proves nothing. Compare its fingerprint by another road; the server publishes it at ${keyUrl}, and each change of the key is a record of the log.`,
        'A time-stamp, and checkpoints that somebody else holds, show that it existed then, and that nothing was cut off the end of the log. Without them, whoever holds the keys and the database could have made all of it anew.',
        'The log was verified before this was made: entries against their hashes, hashes against their chain, the chain against the signed checkpoint.',
        'None of this proves that the facts are true. What happened outside of the plane, by credentials it does not hold, is not here.',
        'Samples are drawn by the auditor alone, from the population.',
      ],
    },
  ];
}

function contents(files: readonly IndexedFile[]): Block[] {
  const folders = [...new Set(files.map(({ path }) => path.slice(0, path.indexOf('/'))))].sort();
  return [
    heading('What is here'),
    paragraph('Every file with its digest, by item and by criterion, is in INDEX.csv and INDEX.xlsx.'),
    {
      kind: 'table',
      columns: [
        { title: 'Folder', weight: 3 },
        { title: 'What', weight: 6 },
        { title: 'Files', weight: 1, isNumber: true },
        { title: 'Rows', weight: 2, isNumber: true },
      ],
      rows: folders.map((folder) => {
        const within = files.filter(({ path }) => path.startsWith(`${folder}/`));
        const rows = within.reduce((sum, each) => sum + (each.path.endsWith('.csv') ? (each.rows ?? 0) : 0), 0);
        return [folder, titleOf(folder), String(within.length), String(rows)];
      }),
      empty: 'No report was asked for.',
    },
  ];
}

function changed({ previous, version }: BundleFacts): Block[] {
  if (previous === null) return [heading('Versions'), paragraph('This is the first bundle of this period.')];
  const { added, removed, changed: other, same } = previous.changes;
  const lines = [
    ...added.map((path) => `added: ${path}`),
    ...removed.map((path) => `removed: ${path}`),
    ...other.map((path) => `changed: ${path}`),
  ];
  const more = lines.length - MAX_LISTED;
  return [
    heading(`What changed since version ${previous.version}, and why`),
    facts({
      Why: previous.reason,
      [`Manifest of version ${previous.version}`]: previous.manifest,
      'Added, removed, changed, the same': `${added.length}, ${removed.length}, ${other.length}, ${same}`,
    }),
    lines.length === 0
      ? paragraph(`Every file of evidence is the same in both; version ${version} differs in when it was made.`)
      : { kind: 'list', items: [...lines.slice(0, MAX_LISTED), ...(more > 0 ? [`and ${more} more`] : [])] },
  ];
}

function missing({ absent }: BundleFacts): Block[] {
  return [
    heading('What is not here'),
    absent.length === 0
      ? paragraph('Every part of a bundle is here.')
      : {
          kind: 'table',
          columns: [
            { title: 'Not included', weight: 4 },
            { title: 'Why', weight: 3 },
          ],
          rows: absent.map(({ part, why }) => [part, why]),
          empty: '',
        },
  ];
}
