/** Documents that stand in a file with a note that signs them: receipts of stops, certificates of disposals. */
import { canonicalJson } from '../canonical.ts';
import { BadKey, parseVerifierKey, type VerifierKey } from '../keys.ts';
import { checkNote } from '../note.ts';
import { parseJson } from '../parse-json.ts';
import type { Finding } from '../records.ts';
import { fieldsOf } from './export-files.ts';
import { Findings } from './findings.ts';

export type Fields = ReadonlyMap<string, unknown>;

export interface SignedDocument {
  readonly note: string;
  readonly document: Fields;
  /** As it was parsed. */
  readonly value: unknown;
}

/** A kind of document. */
export interface DocumentKind {
  /** In sentences, and the member that it stands in. */
  readonly name: string;
  readonly maxBytes: number;
  /** The text of the note that signs it. */
  readonly noteOf: (value: unknown) => string;
  /** The key that it brings, from a proof in it. */
  readonly keyOf: (document: Fields) => unknown;
}

export interface DocumentReport<Said> {
  /** True only when everything was checked and nothing fatal was found. */
  readonly isVerified: boolean;
  readonly findings: readonly Finding[];
  readonly key: { readonly text: string; readonly isTrusted: boolean } | undefined;
  /** What is signed when `isVerified`. */
  readonly said: Said | undefined;
}

/**
 * The file must be byte for byte what was issued, but for a line feed at its end: canonical JSON of the document and its
 * note, with one signature, by the key. `check` says the rest of it. Never throws.
 */
export function verifyDocument<Said>(
  text: string,
  kind: DocumentKind,
  trustedKey: VerifierKey | undefined,
  check: (read: SignedDocument, key: VerifierKey, findings: Findings) => Said | undefined,
): DocumentReport<Said> {
  const findings = new Findings();
  let key: VerifierKey | undefined;
  let said: Said | undefined;
  try {
    const read = readDocument(text, kind);
    if (typeof read === 'string') findings.fatal('malformed', kind.name, `The file ${read}.`);
    else {
      key = trustedKey ?? ownKey(read.document, kind, findings);
      if (key !== undefined) {
        checkSignature(read, kind, key, findings);
        said = check(read, key, findings);
      }
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    findings.fatal('verifier_failed', 'the verifier', `The check broke off: ${reason}`);
  }
  return {
    isVerified: said !== undefined && !findings.hasFatal,
    findings: findings.found.list,
    key: key === undefined ? undefined : { text: key.text, isTrusted: trustedKey !== undefined },
    said,
  };
}

function readDocument(text: string, { name, maxBytes }: DocumentKind): SignedDocument | string {
  if (text.length > maxBytes) return 'is too large';
  const body = text.endsWith('\n') ? text.slice(0, -1) : text;
  let value: unknown;
  try {
    value = parseJson(body);
    if (canonicalJson(value) !== body) return 'is not in canonical form: it was changed after it was issued';
  } catch {
    return 'is not canonical JSON';
  }
  const fields = fieldsOf(value);
  const note = fields?.get('note');
  const document = fieldsOf(fields?.get(name));
  if (fields?.size !== 2 || typeof note !== 'string' || document === undefined)
    return `is not {${[name, 'note'].sort().join(', ')}}`;
  if (document.get('v') !== 1) return 'is of a version that is not known';
  return { note, document, value: fields.get(name) };
}

function ownKey(document: Fields, { name, keyOf }: DocumentKind, findings: Findings): VerifierKey | undefined {
  const text = keyOf(document);
  try {
    const key = parseVerifierKey(typeof text === 'string' ? text : '');
    findings.note(
      'key_not_trusted',
      'key',
      `The key ${key.text} is the ${name}'s own: whoever made the ${name} could have made the key. Get it from another source and compare.`,
    );
    return key;
  } catch (error) {
    if (!(error instanceof BadKey)) throw error;
    findings.fatal('malformed', 'key', `The ${name} holds no key, and none was given.`);
    return undefined;
  }
}

function checkSignature(
  { note, value }: SignedDocument,
  { name, noteOf }: DocumentKind,
  key: VerifierKey,
  findings: Findings,
): void {
  const checked = checkNote(note, [key]);
  if (checked.kind === 'unknown_keys') findings.fatal('key_unknown', 'note', `The ${name} is signed by another key.`);
  else if (checked.kind !== 'verified') findings.fatal('signature_invalid', 'note', 'The signature does not verify.');
  else if (checked.note.signatures.length !== 1)
    findings.fatal('malformed', 'note', `The ${name} has more than one signature.`);
  else if (checked.note.text !== noteOf(value))
    findings.fatal('entry_edited', name, `The ${name} is not the one that was signed: it was changed.`);
}
