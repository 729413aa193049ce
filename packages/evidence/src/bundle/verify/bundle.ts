/**
 * Checks a bundle with nothing but the bundle and a fingerprint known by another road. Everything read is taken as hostile, and whatever
 * is missing, too much, or cannot be read is a defect.
 */
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { parseJson, type VerifyReport } from '@hivekey/action-log';
import { isAbout, MANIFEST_FILE, parseFileManifest, SIGNATURE_FILES } from '../manifest.ts';
import { isSshSigned, publicSigner, readAllowedSigners } from '../signing.ts';
import { readStatement } from '../statement.ts';
import { checkTimestamp } from '../timestamp.ts';
import { checkLog } from './log.ts';
import { type BundleDefect, Defects } from './report.ts';
import { type BundleFile, type BundleSource, readWhole } from './source.ts';

const KEY_FILE = 'keys/allowed_signers';
const PEM_FILE = 'keys/pub.pem';
const AUTHORITY_FILE = 'keys/tsa-ca.pem';
const HEADER_END = '.ipe.json';
/** Small files by themselves; a manifest of a hundred thousand files. */
const MAX_SMALL_BYTES = 1024 * 1024;
const MAX_MANIFEST_BYTES = 64 * 1024 * 1024;
const LINE_FEED = 0x0a;
const QUOTE = 0x22;

export interface BundleReport {
  /** True only when everything was checked, and nothing was found. */
  readonly isVerified: boolean;
  readonly defects: readonly BundleDefect[];
  /** More were found than are listed. */
  readonly defectsLeftOut: number;
  /** Of the key that the bundle brings. */
  readonly fingerprint: string | null;
  /** ISO 8601; null where it has no time-stamp that holds. */
  readonly timestampedAt: string | null;
  readonly files: number;
  /** Tables whose header fits them, and the rows of all of them. */
  readonly tables: { readonly count: number; readonly rows: number };
  /** What the verifier of the log says; null where there are no entries. */
  readonly log: VerifyReport | null;
}

/** `fingerprint`: `SHA256:…`; without it a bundle is never verified. */
export async function verifyBundle(source: BundleSource, fingerprint: string | undefined): Promise<BundleReport> {
  return new Check(source, fingerprint).run();
}

interface Measured {
  readonly sha256: string;
  /** Records of RFC 4180 without the header (line feeds within quotes do not end one); of a table alone. */
  readonly rows: number;
}

class Check {
  readonly #source: BundleSource;
  readonly #fingerprint: string | undefined;
  readonly #defects = new Defects();
  readonly #files = new Map<string, BundleFile>();
  #manifest: Buffer | undefined;
  #listed = new Map<string, string>();
  readonly #measured = new Map<string, Measured>();
  #key: KeyObject | undefined;
  #timestampedAt: string | null = null;
  #tables = 0;
  #rows = 0;
  #log: VerifyReport | undefined;

  constructor(source: BundleSource, fingerprint: string | undefined) {
    this.#source = source;
    this.#fingerprint = fingerprint;
  }

  async run(): Promise<BundleReport> {
    for (const check of [
      this.#look,
      this.#checkKey,
      this.#checkSignatures,
      this.#checkStatement,
      this.#checkTimestamp,
      this.#checkFiles,
      this.#checkHeaders,
      this.#checkLog,
    ])
      await check.call(this).catch((error: unknown) => {
        this.#defects.add('check_failed', '', error instanceof Error ? error.message : 'it broke off');
      });
    const { list, count } = this.#defects;
    return {
      isVerified: count === 0,
      defects: list,
      defectsLeftOut: count - list.length,
      fingerprint: this.#key === undefined ? null : publicSigner(this.#key).fingerprint,
      timestampedAt: this.#timestampedAt,
      files: this.#files.size,
      tables: { count: this.#tables, rows: this.#rows },
      log: this.#log ?? null,
    };
  }

  async #look(): Promise<void> {
    for await (const file of this.#source.list()) this.#files.set(file.path, file);
    this.#manifest = await this.#read(MANIFEST_FILE, MAX_MANIFEST_BYTES);
    if (this.#manifest === undefined) this.#defects.add('manifest_missing', MANIFEST_FILE, 'it is missing');
  }

  async #checkKey(): Promise<void> {
    const [line, pem] = [await this.#read(KEY_FILE), await this.#read(PEM_FILE)];
    if (line === undefined) this.#defects.add('key_missing', KEY_FILE, 'it is missing');
    if (pem === undefined) this.#defects.add('key_missing', PEM_FILE, 'it is missing');
    if (line === undefined) return;
    this.#key = readAllowedSigners(line.toString());
    if (this.#key === undefined) {
      this.#defects.add('key_malformed', KEY_FILE, 'it is not the one line of one Ed25519 key');
      return;
    }
    const { fingerprint, pem: own } = publicSigner(this.#key);
    if (this.#fingerprint === undefined)
      this.#defects.add(
        'fingerprint_missing',
        KEY_FILE,
        `the key in the bundle is ${fingerprint}; give the fingerprint you were told by another road`,
      );
    else if (this.#fingerprint !== fingerprint)
      this.#defects.add('key_differs', KEY_FILE, `the bundle brings ${fingerprint}, not ${this.#fingerprint}`);
    if (pem !== undefined && !isSameKey(pem.toString(), own))
      this.#defects.add('keys_disagree', PEM_FILE, `it is another key than ${KEY_FILE} has`);
  }

  async #checkSignatures(): Promise<void> {
    const [key, manifest] = [this.#key, this.#manifest];
    const armour = await this.#read(SIGNATURE_FILES.ssh);
    const raw = await this.#read(SIGNATURE_FILES.raw);
    const isSigned = {
      [SIGNATURE_FILES.ssh]: armour && key && manifest && isSshSigned(key, manifest, armour.toString()),
      [SIGNATURE_FILES.raw]: raw && key && manifest && verify(null, manifest, key, raw),
    };
    for (const [path, isGood] of Object.entries(isSigned)) {
      if (!this.#isThere(path)) this.#defects.add('signature_missing', path, 'it is missing');
      else if (isGood !== true)
        this.#defects.add('signature_invalid', path, 'it is not a signature of the manifest by this key');
    }
  }

  async #checkStatement(): Promise<void> {
    const path = SIGNATURE_FILES.statement;
    const text = await this.#read(path);
    if (text === undefined) this.#defects.add('statement_missing', path, 'it is missing');
    else if (
      this.#key === undefined ||
      this.#manifest === undefined ||
      readStatement(text.toString(), this.#key, this.#manifest) === undefined
    )
      this.#defects.add('statement_invalid', path, 'it is not a statement by this key about this manifest');
  }

  async #checkTimestamp(): Promise<void> {
    const path = SIGNATURE_FILES.timestamp;
    const [authority, answer] = [await this.#read(AUTHORITY_FILE), await this.#read(path)];
    if (!this.#files.has(AUTHORITY_FILE) && !this.#files.has(path)) return;
    if (authority === undefined || answer === undefined) {
      this.#defects.add('timestamp_missing', path, 'the bundle has one half of a time-stamp');
      return;
    }
    const checked = await checkTimestamp(answer, this.#manifest ?? Buffer.alloc(0), undefined, authority.toString());
    if (typeof checked === 'string') this.#defects.add('timestamp_invalid', path, checked);
    else this.#timestampedAt = checked.at;
  }

  async #checkFiles(): Promise<void> {
    if (this.#manifest === undefined) return;
    const named = parseFileManifest(this.#manifest.toString());
    if (named === undefined) {
      this.#defects.add('manifest_malformed', MANIFEST_FILE, 'it is not made of digests and paths, sorted');
      return;
    }
    this.#listed = new Map(named.map(({ path, sha256 }) => [path, sha256]));
    for (const [path, sha256] of this.#listed) {
      const file = this.#files.get(path);
      if (file === undefined) this.#defects.add('file_missing', path, 'the manifest names it, and it is not there');
      else if (!file.isPlain) this.#defects.add('file_irregular', path, 'it is no plain file');
      else if ((await this.#measure(path)).sha256 !== sha256)
        this.#defects.add('file_changed', path, 'it is not what was signed');
    }
    for (const { path, isPlain } of this.#files.values()) {
      if (!this.#listed.has(path) && !isAbout(path))
        this.#defects.add('file_extra', path, 'the manifest does not name it');
      else if (isAbout(path) && !isPlain) this.#defects.add('file_irregular', path, 'it is no plain file');
    }
  }

  async #checkHeaders(): Promise<void> {
    const headers = [...this.#listed.keys()].filter((path) => path.endsWith(HEADER_END));
    if (this.#listed.size > 0 && headers.length === 0)
      this.#defects.add('ipe_missing', `*${HEADER_END}`, 'no file of the bundle says where it comes from');
    for (const header of headers) await this.#checkHeader(header, `${header.slice(0, -HEADER_END.length)}.csv`);
  }

  async #checkHeader(header: string, table: string): Promise<void> {
    const text = await this.#read(header);
    if (text === undefined) return;
    const said = digestAndRows(text);
    if (said === undefined) {
      this.#defects.add('ipe_malformed', header, 'it does not say digest and number of rows');
      return;
    }
    if (!this.#isThere(table)) {
      this.#defects.add('file_missing', table, 'its header is there, and it is not');
      return;
    }
    const { sha256, rows } = await this.#measure(table);
    if (sha256 !== said.sha256)
      this.#defects.add('ipe_digest', header, `it is the header of another file than ${table}`);
    if (rows !== said.rows)
      this.#defects.add('ipe_rows', header, `it says ${said.rows} rows, and ${table} has ${rows}`);
    this.#tables += 1;
    this.#rows += rows;
  }

  async #checkLog(): Promise<void> {
    const named = new Map([...this.#files].filter(([path]) => this.#listed.has(path)));
    this.#log = await checkLog(this.#source, named, this.#defects);
  }

  #isThere(path: string): boolean {
    return this.#files.get(path)?.isPlain === true;
  }

  /** Undefined where it is not there, no plain file, or longer than such a file ever is. */
  async #read(path: string, limit = MAX_SMALL_BYTES): Promise<Buffer | undefined> {
    return this.#isThere(path) ? readWhole(this.#source, path, limit) : undefined;
  }

  async #measure(path: string): Promise<Measured> {
    const known = this.#measured.get(path);
    if (known !== undefined) return known;
    const digest = createHash('sha256');
    const isTable = path.endsWith('.csv');
    let lines = 0;
    let isQuoted = false;
    for await (const bytes of this.#source.read(path)) {
      digest.update(bytes);
      if (!isTable) continue;
      for (const byte of bytes) {
        if (byte === QUOTE) isQuoted = !isQuoted;
        else if (byte === LINE_FEED && !isQuoted) lines += 1;
      }
    }
    const measured = { sha256: digest.digest('hex'), rows: lines - 1 };
    if (isTable) this.#measured.set(path, measured);
    return measured;
  }
}

function isSameKey(pem: string, own: string): boolean {
  try {
    return createPublicKey(pem).export({ type: 'spki', format: 'pem' }).toString() === own;
  } catch {
    return false;
  }
}

function digestAndRows(text: Buffer): { readonly sha256: string; readonly rows: number } | undefined {
  try {
    const { sha256, row_count: rows }: Record<string, unknown> = parseJson(text.toString());
    return typeof sha256 === 'string' && typeof rows === 'number' ? { sha256, rows } : undefined;
  } catch {
    return undefined;
  }
}
