#!/usr/bin/env python3
"""Checks an evidence bundle with Python 3.8 or later and nothing else.

    python3 verify/verify.py SHA256:<fingerprint> [folder of the bundle]

The fingerprint is the one you were given by another road than this bundle (engagement letter, system description, the
well-known address). Ed25519 is verified here, in plain Python after RFC 8032 section 5.1.7; only an RFC 3161 time-stamp, where
the bundle has one, takes openssl. Fails closed: whatever is missing, too much, or cannot be read is a defect.
Exit status: 0 verified, 1 defects, 2 wrong use.
"""
import base64
import gzip
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys

NAMESPACE = b"agent-evidence@hivekey"
MANIFEST = "MANIFEST.sha256"
ABOUT = {MANIFEST, MANIFEST + ".sshsig", MANIFEST + ".sig", "MANIFEST.tsr", "bundle.dsse.json"}
LOG = "07_action-log"
INDEX = LOG + "/chain_index.csv"
INDEX_HEADER = b"seq,entry_hash,link,previous_link,shard\n"
INDEX_LINE = re.compile(rb"(\d{1,15}),([0-9a-f]{64}),([0-9a-f]{64}),([0-9a-f]{64}),([A-Za-z0-9_-]{1,64})\n")
ENTRY_LINE = re.compile(
    rb'\{"entry_hash":"sha256:([0-9a-f]{64})","hash":"sha256:([0-9a-f]{64})","prev_hash":"sha256:([0-9a-f]{64})",'
    rb'"record":(.*),"seq":(\d{1,15})(,"shard":"[A-Za-z0-9_-]{1,64}","shard_seq":\d{1,15})?\}\n'
)
MANIFEST_LINE = re.compile(r"([0-9a-f]{64})  ((?!\.)[A-Za-z0-9._-]+(?:/(?!\.)[A-Za-z0-9._-]+)*)")
MAX_LINE = 1 << 17
CHUNK = 1 << 20


class Defect(Exception):
    def __init__(self, code, where, what):
        super().__init__(code)
        self.code, self.where, self.what = code, where, what


class Bundle:
    def __init__(self, root, fingerprint):
        self.root, self.fingerprint, self.defects, self.files = root, fingerprint, 0, {}

    def path(self, name):
        return os.path.join(self.root, *name.split("/"))

    def has(self, name):
        return os.path.isfile(self.path(name))

    def read(self, name, code):
        try:
            with open(self.path(name), "rb") as file:
                return file.read()
        except OSError:
            raise Defect(code, name, "it is missing, or cannot be read") from None

    def defect(self, code, where, what):
        self.defects += 1
        print("DEFECT  %s  %s: %s" % (code, printable(where), what))

    def check(self, said, work):
        """One check: what it throws is a defect, and so is whatever else goes wrong in it."""
        before = self.defects
        try:
            work()
        except Defect as found:
            self.defect(found.code, found.where, found.what)
        except Exception as error:  # fails closed: an input that breaks a check has not passed it
            self.defect("check_failed", said, "%s: %s" % (type(error).__name__, printable(str(error))))
        if self.defects == before:
            print("ok      " + said)

    # Keys and signatures

    def check_key(self):
        blob = self.ssh_key()
        found = "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
        if self.fingerprint is None:
            raise Defect(
                "fingerprint_missing",
                "keys/allowed_signers",
                "the key in the bundle is %s; give the fingerprint you were told by another road" % found,
            )
        if found != self.fingerprint:
            raise Defect("key_differs", "keys/allowed_signers", "the bundle brings %s, not %s" % (found, self.fingerprint))
        pem = self.read("keys/pub.pem", "key_missing").decode("ascii", "replace").split("\n")
        if base64.b64decode("".join(pem[1:-2])) != bytes.fromhex("302a300506032b6570032100") + self.key():
            raise Defect("keys_disagree", "keys/pub.pem", "it is another key than keys/allowed_signers has")

    def ssh_key(self):
        text = self.read("keys/allowed_signers", "key_missing").decode("ascii", "replace")
        found = re.fullmatch(r'evidence@hivekey namespaces="agent-evidence@hivekey" ssh-ed25519 ([A-Za-z0-9+/=]+)\n', text)
        if found is None:
            raise Defect("key_malformed", "keys/allowed_signers", "it is not the one line of one Ed25519 key")
        return base64.b64decode(found.group(1))

    def key(self):
        kind, raw = strings(self.ssh_key(), 2)
        if kind != b"ssh-ed25519" or len(raw) != 32:
            raise Defect("key_malformed", "keys/allowed_signers", "it is not an Ed25519 key")
        return raw

    def check_signatures(self):
        manifest = self.read(MANIFEST, "manifest_missing")
        raw = self.read(MANIFEST + ".sig", "signature_missing")
        if not ed25519_verify(self.key(), manifest, raw):
            raise Defect("signature_invalid", MANIFEST + ".sig", "it is not a signature of the manifest by this key")
        armour = self.read(MANIFEST + ".sshsig", "signature_missing").decode("ascii", "replace")
        found = re.fullmatch(r"-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]+)-----END SSH SIGNATURE-----\n", armour)
        blob = base64.b64decode(found.group(1)) if found else b""
        if blob[:10] != b"SSHSIG\0\0\0\1":
            raise Defect("signature_invalid", MANIFEST + ".sshsig", "it is not an OpenSSH signature")
        key, namespace, reserved, algorithm, signature = strings(blob[10:], 5)
        kind, value = strings(signature, 2)
        digest = hashlib.sha512(manifest).digest()
        signed = b"SSHSIG" + b"".join(string(each) for each in (namespace, reserved, algorithm, digest))
        fits = key == self.ssh_key() and namespace == NAMESPACE and algorithm == b"sha512" and kind == b"ssh-ed25519"
        if not fits or not ed25519_verify(self.key(), signed, value):
            raise Defect("signature_invalid", MANIFEST + ".sshsig", "it is not a signature of the manifest by this key")

    def check_statement(self):
        envelope = json.loads(self.read("bundle.dsse.json", "statement_missing"))
        payload = base64.b64decode(envelope["payload"])
        kind = envelope["payloadType"].encode()
        signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
        statement = json.loads(payload)
        digest = hashlib.sha256(self.read(MANIFEST, "manifest_missing")).hexdigest()
        if (
            kind != b"application/vnd.in-toto+json"
            or not ed25519_verify(self.key(), signed, base64.b64decode(envelope["signatures"][0]["sig"]))
            or statement["_type"] != "https://in-toto.io/Statement/v1"
            or [each["digest"]["sha256"] for each in statement["subject"]] != [digest]
        ):
            raise Defect("statement_invalid", "bundle.dsse.json", "it is not a statement by this key about this manifest")

    def check_timestamp(self):
        authority, token = self.has("keys/tsa-ca.pem"), self.has("MANIFEST.tsr")
        if not authority and not token:
            return
        if not (authority and token):
            missing = "MANIFEST.tsr" if authority else "keys/tsa-ca.pem"
            raise Defect("timestamp_missing", missing, "the bundle has one half of a time-stamp")
        if shutil.which("openssl") is None:
            raise Defect("tool_missing", "openssl", "the time-stamp cannot be checked without it")
        ran = subprocess.run(
            ["openssl", "ts", "-verify", "-data", self.path(MANIFEST), "-in", self.path("MANIFEST.tsr"),
             "-CAfile", self.path("keys/tsa-ca.pem")],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        if ran.returncode != 0 or b"Verification: OK" not in ran.stdout:
            raise Defect("timestamp_invalid", "MANIFEST.tsr", "it is not a time-stamp of this manifest by this authority")

    # Files

    def check_files(self):
        text = self.read(MANIFEST, "manifest_missing").decode("ascii", "replace")
        lines = text.split("\n")
        if lines.pop() != "" or not lines:
            raise Defect("manifest_malformed", MANIFEST, "it is cut off, or empty")
        for line in lines:
            found = MANIFEST_LINE.fullmatch(line)
            if found is None or found.group(2) in self.files or found.group(2) in ABOUT:
                raise Defect("manifest_malformed", MANIFEST, "not a digest and a path: " + printable(line))
            self.files[found.group(2)] = found.group(1)
        for name, digest in self.files.items():
            if not os.path.lexists(self.path(name)):
                self.defect("file_missing", name, "the manifest names it, and it is not there")
            elif not stat.S_ISREG(os.lstat(self.path(name)).st_mode):
                self.defect("file_irregular", name, "it is no plain file")
            elif digest_of(self.path(name)) != digest:
                self.defect("file_changed", name, "it is not what was signed")
        for folder, folders, names in os.walk(self.root, onerror=raises):
            for each in folders:
                if os.path.islink(os.path.join(folder, each)):
                    self.defect("file_irregular", self.name(folder, each), "it is a link")
            for each in names:
                name = self.name(folder, each)
                if name not in self.files and name not in ABOUT:
                    self.defect("file_extra", name, "the manifest does not name it")
                elif name in ABOUT and not stat.S_ISREG(os.lstat(os.path.join(folder, each)).st_mode):
                    self.defect("file_irregular", name, "it is no plain file")

    def name(self, folder, each):
        return os.path.relpath(os.path.join(folder, each), self.root).replace(os.sep, "/")

    def check_headers(self):
        """Each CSV has a header that says how many rows it has and what it hashes to; each header has its CSV."""
        headers = [name for name in self.files if name.endswith(".ipe.json")]
        if not headers:
            raise Defect("ipe_missing", "*.ipe.json", "no file of the bundle says where it comes from")
        for header in headers:
            table = header[: -len(".ipe.json")] + ".csv"
            try:
                said = json.loads(self.read(header, "ipe_missing"))
                digest, rows = said["sha256"], said["row_count"]
            except (ValueError, KeyError, TypeError):
                self.defect("ipe_malformed", header, "it does not say digest and number of rows")
                continue
            if table not in self.files or not self.has(table):
                self.defect("file_missing", table, "its header is there, and it is not")
                continue
            if digest != digest_of(self.path(table)):
                self.defect("ipe_digest", header, "it is the header of another file than " + table)
            found = rows_of(self.path(table))
            if found != rows:
                self.defect("ipe_rows", header, "it says %s rows, and %s has %s" % (rows, table, found))

    # The action log

    def check_log(self):
        parts = (INDEX, LOG + "/log/", LOG + "/entries/")
        if not any(name.startswith(parts) for name in self.files):
            print("note    the bundle holds no part of the action log")
            return
        if not self.has(INDEX):
            raise Defect("index_missing", INDEX, "the log of the period has no index of hashes")
        said = json.loads(self.read(LOG + "/log/manifest.json", "index_missing"))
        first, last, size = said["first"], said["last"], said["tree_size"]
        proof = json.loads(self.read(LOG + "/log/proof.json", "index_missing"))
        root, heads = self.checkpoint(size)
        tree, links, count = Tree(), {}, first
        tree.cover(0, first - 1, proof["before"])
        entries = self.entries()
        with open(self.path(INDEX), "rb") as index:
            if index.readline(MAX_LINE) != INDEX_HEADER:
                raise Defect("index_malformed", INDEX, "it has other columns")
            for line in index:
                found = INDEX_LINE.fullmatch(line)
                if found is None:
                    raise Defect("index_malformed", INDEX, "the row after seq %d is none" % (count - 1))
                seq, entry, link, previous, shard = found.groups()
                if int(seq) != count:
                    raise Defect("index_gap", INDEX, "seq %d is not there; %s stands in its place" % (count, seq.decode()))
                if links.get(shard, previous) != previous or (first == 1 and shard not in links and int(previous, 16) != 0):
                    raise Defect("index_broken", INDEX, "seq %d does not follow the entry before it" % count)
                if hashlib.sha256(bytes.fromhex((previous + entry).decode())).hexdigest().encode() != link:
                    raise Defect("index_broken", INDEX, "the link of seq %d is not made of its hashes" % count)
                self.check_entry(entries, found)
                links[shard] = link
                tree.push(0, bytes.fromhex(entry.decode()))
                count += 1
        if count != last + 1:
            raise Defect("index_cut", INDEX, "it ends with seq %d; the export goes to %d" % (count - 1, last))
        if entries is not None and next(entries, None) is not None:
            raise Defect("entry_unknown", LOG + "/entries", "it goes on behind the index")
        tree.cover(last, size, proof["after"])
        if tree.root() != root:
            raise Defect("index_root", INDEX, "its entries are not those that the checkpoint of the log signs")
        if last == size and any(heads.get(shard) != link for shard, link in links.items()):
            raise Defect("index_cut", INDEX, "a chain does not end where the checkpoint says")

    def entries(self):
        """Lines of the entries, file after file; None where the bundle discloses hashes alone."""
        names = sorted(name for name in self.files if name.startswith(LOG + "/entries/") and name.endswith(".jsonl.gz"))
        return self.lines(names) if names else None

    def lines(self, names):
        for name in names:
            with gzip.open(self.path(name), "rb") as file:
                while True:
                    line = file.readline(MAX_LINE)
                    if not line:
                        break
                    yield name, line

    def check_entry(self, entries, row):
        if entries is None:
            return
        seq, entry, link, previous, _ = row.groups()
        name, line = next(entries, (LOG + "/entries", b""))
        found = ENTRY_LINE.fullmatch(line)
        if found is None or found.group(1, 2, 3, 5) != (entry, link, previous, seq):
            raise Defect("entry_missing", name, "entry %s is not there as the index has it" % seq.decode())
        record, is_absent = found.group(4), found.group(6) is not None
        if is_absent:
            # Its payload has left the log: whether by a record of the log, `hivekey evidence verify` tells.
            if record != b"null" or not self.has(LOG + "/log/absences.jsonl"):
                raise Defect("entry_changed", name, "entry %s has lost its record without a word" % seq.decode())
        elif hashlib.sha256(b"\0" + record).hexdigest().encode() != entry:
            raise Defect("entry_changed", name, "the record of entry %s is not the one that was hashed" % seq.decode())

    def checkpoint(self, size):
        """Root and heads of the shards that the log's own key signs. A C2SP signed note."""
        key = self.read(LOG + "/log/verifier.key", "index_missing").decode().rstrip("\n")
        name, key_id, encoded = key.split("+", 2)
        typed = base64.b64decode(encoded)
        if typed[0] != 1 or hashlib.sha256(name.encode() + b"\n" + typed).hexdigest()[:8] != key_id:
            raise Defect("checkpoint_invalid", LOG + "/log/verifier.key", "it is no verifier key")
        note = self.read(LOG + "/log/checkpoint", "index_missing").decode()
        text, _, signatures = note.partition("\n\n")
        text += "\n"
        origin, stated, root = text.split("\n")[:3]
        if origin != name or stated != str(size):
            raise Defect("checkpoint_invalid", LOG + "/log/checkpoint", "it is of another log, or of another size")
        for line in signatures.splitlines():
            if not line.startswith("\u2014 %s " % name):
                continue
            signature = base64.b64decode(line.rsplit(" ", 1)[1])
            if signature[:4].hex() == key_id and ed25519_verify(typed[1:], text.encode(), signature[4:]):
                heads = re.findall(r"^shard (\S+) \d+ (\S+)$", text, re.MULTILINE)
                return base64.b64decode(root), {s.encode(): base64.b64decode(h).hex().encode() for s, h in heads}
        raise Defect("checkpoint_invalid", LOG + "/log/checkpoint", "the log's key has not signed it")


class Tree:
    """RFC 6962 root from complete subtrees, left to right."""

    def __init__(self):
        self.stack = []

    def push(self, level, value):
        while self.stack and self.stack[-1][0] == level:
            value = node(self.stack.pop()[1], value)
            level += 1
        self.stack.append((level, value))

    def cover(self, start, end, hashes):
        """The subtrees that make up start to end (exclusive), each as large as its place allows."""
        hashes = list(hashes)
        while start < end:
            level = (end - start).bit_length() - 1
            if start:
                level = min(level, (start & -start).bit_length() - 1)
            if not hashes:
                raise Defect("index_root", LOG + "/log/proof.json", "it has too few hashes")
            self.push(level, bytes.fromhex(hashes.pop(0)))
            start += 1 << level
        if hashes:
            raise Defect("index_root", LOG + "/log/proof.json", "it has too many hashes")

    def root(self):
        _, value = self.stack[-1]
        for _, left in reversed(self.stack[:-1]):
            value = node(left, value)
        return value


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def digest_of(path):
    found = hashlib.sha256()
    with open(path, "rb") as file:
        for chunk in iter(lambda: file.read(CHUNK), b""):
            found.update(chunk)
    return found.hexdigest()


def rows_of(path):
    """Records of RFC 4180 without the header: line feeds within quotes do not end one."""
    lines, quoted = 0, False
    with open(path, "rb") as file:
        for chunk in iter(lambda: file.read(CHUNK), b""):
            for i, part in enumerate(chunk.split(b'"')):
                if i > 0:
                    quoted = not quoted
                if not quoted:
                    lines += part.count(b"\n")
    return lines - 1


def strings(blob, count):
    """That many strings of RFC 4251 section 5, and nothing behind them."""
    found = []
    for _ in range(count):
        length = int.from_bytes(blob[:4], "big")
        if len(blob) < 4 + length:
            raise ValueError("cut off")
        found.append(blob[4 : 4 + length])
        blob = blob[4 + length :]
    if blob:
        raise ValueError("something stands behind its end")
    return found


def string(value):
    return len(value).to_bytes(4, "big") + value


def printable(text):
    return "".join(each if each.isprintable() and each.isascii() else "?" for each in text)[:200]


def raises(error):
    raise error


# Ed25519, RFC 8032 section 5.1: nothing here is secret, so nothing here is constant in time.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def point_add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def point_mul(scalar, point):
    total = (0, 1, 1, 0)
    while scalar > 0:
        if scalar & 1:
            total = point_add(total, point)
        point = point_add(point, point)
        scalar >>= 1
    return total


def point_of(encoded):
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P != 0:
        x = x * SQRT_M1 % P
    if (x * x - x2) % P != 0 or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


BASE = point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519_verify(key, message, signature):
    if len(key) != 32 or len(signature) != 64:
        return False
    a, r, s = point_of(key), point_of(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    left, right = point_mul(s, BASE), point_add(r, point_mul(k, a))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


def main(arguments):
    fingerprint = arguments.pop(0) if arguments and arguments[0].startswith("SHA256:") else None
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    root = arguments.pop(0) if arguments else here
    if arguments or not os.path.isdir(root):
        print("usage: verify.py SHA256:<fingerprint> [folder of the bundle]", file=sys.stderr)
        return 2
    bundle = Bundle(root, fingerprint)
    bundle.check("the key is the one with this fingerprint", bundle.check_key)
    bundle.check("the manifest is signed by it, twice", bundle.check_signatures)
    bundle.check("a statement by it names the manifest", bundle.check_statement)
    bundle.check("the time-stamp fits, where there is one", bundle.check_timestamp)
    bundle.check("every file is there as it was signed, and no other", bundle.check_files)
    bundle.check("headers say what their files hold", bundle.check_headers)
    bundle.check("the log of the period is whole, and is what its checkpoint signs", bundle.check_log)
    print("NOT VERIFIED: %d defects" % bundle.defects if bundle.defects else "VERIFIED")
    return 1 if bundle.defects else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
