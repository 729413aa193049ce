import { describe, expect, it } from 'vitest';
import {
  BadKey,
  checkNote,
  cosignatureTime,
  cosignNote,
  formatCheckpoint,
  parseCheckpoint,
  parseNote,
  parseVerifierKey,
  rootOf,
  signingKey,
  signNote,
} from '../src/index.ts';

/** The example of the Go implementation that C2SP signed-note is drawn from. */
const PETER = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const PETER_TEXT =
  "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const PETER_NOTE = `${PETER_TEXT}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n`;

/** The checkpoint of HiveKey's published examples of one log in every SIEM format. */
const DEMO = 'hivekey.example/acme+6ea5db7c+ARLuGhPs8/CTdYtqt8eTnYNyJcZDKCOpmpv/reV9cqJ4';
const DEMO_NOTE =
  'hivekey.example/acme\n11\n7O3318h4IjQC70RRp+E4npQ5xJ5YVhdJxfBmtm011VQ=\n\n— hivekey.example/acme bqXbfK8M6X3vHCrdQB0T6KBVBxcpayxo3TTEuer48g8uUM3DmukL9bX89n8mV4DG0I07Ruj1zJeQ6XwPjMSSHhAKlQw=\n';

const key = signingKey('log.example/acme', Buffer.alloc(32, 1));
const other = signingKey('log.example/acme', Buffer.alloc(32, 2));
const witness = signingKey('witness.example', Buffer.alloc(32, 3), 0x04);

describe('signed notes', () => {
  it.each([
    [PETER, PETER_NOTE],
    [DEMO, DEMO_NOTE],
  ])('verify with the published key %s', (vkey, note) => {
    const check = checkNote(note, [parseVerifierKey(vkey)]);
    expect(check.kind).toBe('verified');
    const changed = checkNote(note.replace('c', 'd'), [parseVerifierKey(vkey)]);
    expect(changed.kind).toBe('bad_signature');
  });

  it('verify what was signed here', () => {
    const note = signNote('a text\n', [key]);
    expect(checkNote(note, [key.verifier]).kind).toBe('verified');
    expect(checkNote(note, [other.verifier]).kind).toBe('unknown_keys');
    expect(checkNote(note, []).kind).toBe('unknown_keys');
  });

  it('ignore unknown keys beside a known one, and refuse a wrong signature by a known one', () => {
    const note = signNote('a text\n', [other, key]);
    expect(checkNote(note, [key.verifier]).kind).toBe('verified');
    const wrong = `a text\n\n${signNote('another text\n', [other]).split('\n\n')[1]}${signNote('a text\n', [key]).split('\n\n')[1]}`;
    expect(checkNote(wrong, [key.verifier]).kind).toBe('verified');
    expect(checkNote(wrong, [key.verifier, other.verifier]).kind).toBe('bad_signature');
  });

  it('carry timestamped cosignatures', () => {
    const note = cosignNote(signNote('origin\n0\nroot\n', [key]), witness, 1_700_000_000);
    const check = checkNote(note, [witness.verifier]);
    expect(check.kind).toBe('verified');
    const parsed = parseNote(note);
    const last = typeof parsed === 'string' ? undefined : parsed.signatures.at(-1);
    expect(last && cosignatureTime(last)).toBe(1_700_000_000);
    const lines = note.split('\n');
    const bytes = Buffer.from(lines.at(-2)?.split(' ')[2] ?? '', 'base64');
    bytes[11] = (bytes[11] ?? 0) ^ 1;
    lines[lines.length - 2] = `— witness.example ${bytes.toString('base64')}`;
    expect(checkNote(lines.join('\n'), [witness.verifier]).kind).toBe('bad_signature');
  });

  it.each([
    ['no signatures', 'a text\n\n'],
    ['no blank line', 'a text\n— a AAAAAAA=\n'],
    ['no final line feed', PETER_NOTE.slice(0, -1)],
    ['a control character', PETER_NOTE.replace('you', 'y\u0007u')],
    ['a hyphen for the dash', PETER_NOTE.replace('—', '-')],
    ['loose base64', PETER_NOTE.replace('nAM=', 'nAM')],
    ['a key id alone', 'a text\n\n— a AAAAAA==\n'],
    ['a lone surrogate', PETER_NOTE.replace('you', '\ud800')],
    ['too many signatures', `a\n\n${'— a AAAAAAA=\n'.repeat(65)}`],
    ['too long a text', `${'a'.repeat(70_000)}${PETER_NOTE}`],
  ])('are malformed with %s', (_, note) => {
    expect(checkNote(note, [parseVerifierKey(PETER)]).kind).toBe('malformed');
  });

  it.each([
    ['another name', PETER.replace('Peter', 'Paul')],
    ['another id', PETER.replace('c74f', 'c74e')],
    ['a cut key', PETER.slice(0, -4)],
    ['an unknown type', 'a+00000000+BVpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'],
    ['no parts', 'PeterNeumann'],
    ['nothing', ''],
  ])('a verifier key with %s is refused', (_, vkey) => {
    expect(() => parseVerifierKey(vkey)).toThrow(BadKey);
  });

  it('a key name holds neither space nor plus', () => {
    for (const name of ['', 'a b', 'a+b', 'a\u00a0b', 'a\u3000b'])
      expect(() => signingKey(name, Buffer.alloc(32))).toThrow(BadKey);
  });
});

describe('checkpoints', () => {
  const checkpoint = {
    origin: 'log.example/acme',
    size: 3,
    root: rootOf([]),
    shards: [
      { shard: 'shd_b', seq: 1, head: Buffer.alloc(32, 9) },
      { shard: 'shd_a', seq: 2, head: Buffer.alloc(32, 8) },
    ],
  };

  it('come back as they were written, with their shards sorted', () => {
    const text = formatCheckpoint(checkpoint);
    expect(text).toMatch(/^log\.example\/acme\n3\n47DEQ.*\nshard shd_a 2 CAg.*\nshard shd_b 1 CQk.*\n$/);
    expect(parseCheckpoint(text)).toEqual({ ...checkpoint, shards: checkpoint.shards.toReversed() });
  });

  it('allow foreign extension lines', () => {
    expect(parseCheckpoint(`${formatCheckpoint({ ...checkpoint, shards: [] })}witness-me\n`)).toMatchObject({
      size: 3,
    });
  });

  it.each([
    ['a leading zero', (text: string) => text.replace('\n3\n', '\n03\n')],
    ['a negative size', (text: string) => text.replace('\n3\n', '\n-3\n')],
    ['too large a size', (text: string) => text.replace('\n3\n', '\n9007199254740993\n')],
    ['a short root', (text: string) => text.replace('47DEQ', '')],
    ['an empty extension line', (text: string) => `${text}\n`],
    ['a shard twice', (text: string) => text.replace('shd_b', 'shd_a')],
    ['a shard without head', (text: string) => `${text}shard shd_z 1\n`],
    ['no line feed at its end', (text: string) => text.slice(0, -1)],
    ['no origin', (text: string) => text.slice(text.indexOf('\n'))],
  ])('are refused with %s', (_, change) => {
    expect(typeof parseCheckpoint(change(formatCheckpoint(checkpoint)))).toBe('string');
  });
});
