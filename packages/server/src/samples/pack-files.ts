/** An evidence pack as a folder: the pack itself, and each record exactly as it was hashed, with its proof. */
import { canonicalJson } from '@hivekey/action-log';
import { ZipWriter } from '@hivekey/evidence';
import type { EvidencePack, PackRecord } from './pack.ts';

const README = `pack.json            all of it
records/*.json       each record exactly as it was hashed (SHA-256 of a zero byte and these bytes is its entry hash)
records/*.proof.json its proof under a signed checkpoint of the log: hivekey verify FILE --key KEY
approval-view.json   what whoever decided was shown

Management's self-assessment. Not an auditor's opinion.
`;

export function packFolder(pack: EvidencePack, n: number): Buffer {
  const files = new Map<string, string>([
    ['README.txt', README],
    ['pack.json', `${canonicalJson(pack)}\n`],
  ]);
  if (pack.approval !== null && pack.approval.view !== null)
    files.set('approval-view.json', `${canonicalJson(pack.approval.view)}\n`);
  for (const record of recordsOf(pack)) {
    const canonical = record.proof?.canonical;
    const text = typeof canonical === 'string' ? canonical : `${canonicalJson(record.record)}\n`;
    files.set(`records/${record.event_id}.json`, text);
    if (record.proof !== null) files.set(`records/${record.event_id}.proof.json`, `${canonicalJson(record.proof)}\n`);
  }
  const chunks: Uint8Array[] = [];
  const zip = new ZipWriter((bytes) => chunks.push(bytes));
  for (const [path, text] of [...files].sort(([a], [b]) => (a < b ? -1 : 1)))
    zip.add(`${pack.sample}-${n}/${path}`, Buffer.from(text));
  zip.end();
  return Buffer.concat(chunks);
}

function recordsOf({ action, result, approval, policy, records }: EvidencePack): PackRecord[] {
  return [action, result, ...(approval?.records ?? []), policy?.activated ?? null, ...records].filter(
    (each) => each !== null,
  );
}
