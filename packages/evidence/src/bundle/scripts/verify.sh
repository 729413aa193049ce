#!/bin/sh
# Checks an evidence bundle with a POSIX shell and tools that are there already:
#
#   sh verify/verify.sh SHA256:<fingerprint> [folder of the bundle]
#
# The fingerprint is the one you were given by another road than this bundle (engagement letter, system description, the
# well-known address). Needs sha256sum or shasum, ssh-keygen (OpenSSH 8.1 or later), openssl (3 or later; another one: OPENSSL=path),
# and of coreutils: cat comm cut mktemp rm sort tail tr wc. Fails closed: whatever is missing, too much, or cannot be read is a defect.
# Exit status: 0 verified, 1 defects, 2 wrong use.
#
# Of the index of the log it checks all numbers, and the links of the first 100 and the last 400 entries. All links, the tree and
# the entries themselves are checked by verify.py and by `hivekey evidence verify`.

LC_ALL=C
export LC_ALL
umask 077
NAMESPACE=agent-evidence@hivekey
SIGNER=evidence@hivekey
INDEX=07_action-log/chain_index.csv
defects=0

defect() { # code, where, what
  defects=$((defects + 1))
  printf 'DEFECT  %s  %s: %s\n' "$1" "$2" "$3"
}

usage() {
  echo 'usage: verify.sh SHA256:<fingerprint> [folder of the bundle]' >&2
  exit 2
}

fingerprint=
case ${1-} in SHA256:*) fingerprint=$1 && shift ;; esac
case $0 in */*) here=${0%/*}/.. ;; *) here=.. ;; esac
[ $# -le 1 ] && cd -- "${1-$here}" 2>/dev/null || usage

openssl=${OPENSSL:-openssl}
if command -v sha256sum >/dev/null 2>&1; then
  digests() { sha256sum "$@"; }
elif command -v shasum >/dev/null 2>&1; then
  digests() { shasum -a 256 "$@"; }
else
  defect tool_missing sha256sum 'neither sha256sum nor shasum is there'
fi
for tool in ssh-keygen "$openssl" cat comm cut mktemp rm sort tail tr wc; do
  command -v "$tool" >/dev/null 2>&1 || defect tool_missing "$tool" 'it is not there'
done
if [ "$defects" -gt 0 ]; then
  echo "NOT VERIFIED: $defects defects"
  exit 1
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

digest_of() { # standard input
  found=$(digests) && printf '%s' "${found%% *}"
}

# Whether it is there as a plain file.
plain() {
  [ -f "$1" ] && [ ! -L "$1" ]
}

# Raw Ed25519: message, signature.
signed() {
  "$openssl" pkeyutl -verify -pubin -inkey keys/pub.pem -rawin -in "$1" -sigfile "$2" >/dev/null 2>&1
}

# Text of a file without white space: its fields can then be taken out one by one.
squeezed() {
  tr -d ' \t\r\n' <"$1"
}

# The last value of a field, up to a comma, bracket or quote: text, name. Quotes within strings stand behind a backslash.
field() {
  case $1 in *"\"$2\":"*) ;; *) return 1 ;; esac
  value=${1##*"\"$2\":"}
  value=${value#'"'}
  value=${value%%[,\"\}]*}
  printf '%s' "$value"
}

check_key() {
  for file in keys/allowed_signers keys/pub.pem; do
    plain "$file" || { defect key_missing "$file" 'it is missing'; return; }
  done
  line=$(cat keys/allowed_signers)
  blob=${line#"$SIGNER namespaces=\"$NAMESPACE\" ssh-ed25519 "}
  case $blob in '' | *[!A-Za-z0-9+/=]*) defect key_malformed keys/allowed_signers 'it is not the one line of one Ed25519 key'; return ;; esac
  printf 'ssh-ed25519 %s\n' "$blob" >"$work/key.pub"
  found=$(ssh-keygen -l -E sha256 -f "$work/key.pub" 2>/dev/null | cut -d ' ' -f 2)
  if [ -z "$found" ]; then
    defect key_malformed keys/allowed_signers 'ssh-keygen cannot read the key'
  elif [ -z "$fingerprint" ]; then
    defect fingerprint_missing keys/allowed_signers "the key in the bundle is $found; give the fingerprint you were told by another road"
  elif [ "$found" != "$fingerprint" ]; then
    defect key_differs keys/allowed_signers "the bundle brings $found, not $fingerprint"
  fi
  ssh=$(printf '%s' "$blob" | "$openssl" base64 -d -A | tail -c 32 | digest_of)
  pem=$("$openssl" pkey -pubin -in keys/pub.pem -outform DER 2>/dev/null | tail -c 32 | digest_of)
  [ "$ssh" = "$pem" ] || defect keys_disagree keys/pub.pem 'it is another key than keys/allowed_signers has'
}

check_signatures() {
  plain MANIFEST.sha256 || { defect manifest_missing MANIFEST.sha256 'it is missing'; return; }
  if ! plain MANIFEST.sha256.sshsig; then
    defect signature_missing MANIFEST.sha256.sshsig 'it is missing'
  elif ! ssh-keygen -Y verify -f keys/allowed_signers -I "$SIGNER" -n "$NAMESPACE" -s MANIFEST.sha256.sshsig <MANIFEST.sha256 >/dev/null 2>&1; then
    defect signature_invalid MANIFEST.sha256.sshsig 'it is not a signature of the manifest by this key'
  fi
  if ! plain MANIFEST.sha256.sig; then
    defect signature_missing MANIFEST.sha256.sig 'it is missing'
  elif ! signed MANIFEST.sha256 MANIFEST.sha256.sig; then
    defect signature_invalid MANIFEST.sha256.sig 'it is not a signature of the manifest by this key'
  fi
}

check_statement() {
  plain bundle.dsse.json || { defect statement_missing bundle.dsse.json 'it is missing'; return; }
  envelope=$(squeezed bundle.dsse.json)
  type=application/vnd.in-toto+json
  field "$envelope" payload | "$openssl" base64 -d -A >"$work/payload"
  field "$envelope" sig | "$openssl" base64 -d -A >"$work/sig"
  { printf 'DSSEv1 %s %s %s ' "${#type}" "$type" "$(($(wc -c <"$work/payload")))" && cat "$work/payload"; } >"$work/signed"
  subject="\"subject\":[{\"digest\":{\"sha256\":\"$(digest_of <MANIFEST.sha256)\"},\"name\":\"MANIFEST.sha256\"}]"
  case $(cat "$work/payload") in
    '{"_type":"https://in-toto.io/Statement/v1",'*"$subject"*) signed "$work/signed" "$work/sig" && return ;;
  esac
  defect statement_invalid bundle.dsse.json 'it is not a statement by this key about this manifest'
}

check_timestamp() {
  if plain keys/tsa-ca.pem && plain MANIFEST.tsr; then
    "$openssl" ts -verify -data MANIFEST.sha256 -in MANIFEST.tsr -CAfile keys/tsa-ca.pem >/dev/null 2>&1 ||
      defect timestamp_invalid MANIFEST.tsr 'it is not a time-stamp of this manifest by this authority'
  elif [ -e keys/tsa-ca.pem ] || [ -e MANIFEST.tsr ]; then
    defect timestamp_missing MANIFEST.tsr 'the bundle has one half of a time-stamp'
  fi
}

# Whether each line of the manifest is a digest and a path that stays in the folder, sorted and once.
well_formed() {
  [ -s MANIFEST.sha256 ] && [ -z "$(tail -c 1 MANIFEST.sha256)" ] || return 1
  while IFS= read -r line; do
    digest=${line%%  *}
    path=${line#*  }
    case $digest in *[!0-9a-f]*) return 1 ;; esac
    [ "${#digest}" -eq 64 ] || return 1
    case $path in '' | /* | */ | *//* | .* | */.* | *[!A-Za-z0-9._/-]*) return 1 ;; esac
    case $path in MANIFEST.sha256 | MANIFEST.sha256.sshsig | MANIFEST.sha256.sig | MANIFEST.tsr | bundle.dsse.json) return 1 ;; esac
  done <MANIFEST.sha256
  cut -c 67- MANIFEST.sha256 >"$work/paths" && sort -C -u "$work/paths"
}

# Every file below a folder, on a line each.
walk() {
  for each in "$1"* "$1".[!.]* "$1"..?*; do
    if [ -d "$each" ] && [ ! -L "$each" ]; then
      walk "$each/"
    elif [ -e "$each" ] || [ -L "$each" ]; then
      # A line feed in a name would tell two names.
      printf '%s' "$each" | tr '\n' '?'
      echo
    fi
  done
}

check_files() {
  plain MANIFEST.sha256 || return
  well_formed || { defect manifest_malformed MANIFEST.sha256 'it is not made of digests and paths, sorted'; return; }
  while IFS= read -r line; do
    path=${line#*  }
    if plain "$path"; then
      printf '%s\n' "$line"
    elif [ -e "$path" ] || [ -L "$path" ]; then
      defect file_irregular "$path" 'it is no plain file' >&3
    else
      defect file_missing "$path" 'the manifest names it, and it is not there' >&3
    fi
  done 3>&1 <MANIFEST.sha256 >"$work/present"
  digests -c "$work/present" >"$work/checked" 2>/dev/null
  while IFS= read -r line; do
    case $line in *': OK') continue ;; esac
    defect file_changed "${line%: FAILED*}" 'it is not what was signed'
  done <"$work/checked"
  # Each file has its answer, whatever the tool is.
  [ "$(($(wc -l <"$work/present")))" -eq "$(($(wc -l <"$work/checked")))" ] ||
    defect file_unreadable MANIFEST.sha256 'not every file could be read'
  walk '' >"$work/walked"
  printf '%s\n' MANIFEST.sha256 MANIFEST.sha256.sshsig MANIFEST.sha256.sig MANIFEST.tsr bundle.dsse.json |
    sort - "$work/paths" >"$work/named"
  sort "$work/walked" | comm -23 - "$work/named" >"$work/extra"
  while IFS= read -r path; do
    defect file_extra "$(printf '%s' "$path" | tr -c 'A-Za-z0-9._/-' '?')" 'the manifest does not name it'
  done <"$work/extra"
}

# Records of RFC 4180 without the header: line feeds within quotes do not end one.
rows_of() {
  tr -cd '"\n' <"$1" | {
    count=-1
    open=0
    while IFS= read -r quotes; do
      open=$(((open + ${#quotes}) % 2))
      [ "$open" -eq 1 ] || count=$((count + 1))
    done
    echo "$count"
  }
}

check_headers() {
  [ -f "$work/paths" ] || return
  headers=0
  while IFS= read -r header; do
    case $header in *.ipe.json) ;; *) continue ;; esac
    headers=$((headers + 1))
    table=${header%.ipe.json}.csv
    [ -f "$header" ] || continue
    text=$(squeezed "$header")
    digest=$(field "$text" sha256) && rows=$(field "$text" row_count) ||
      { defect ipe_malformed "$header" 'it does not say digest and number of rows'; continue; }
    [ -f "$table" ] || { defect file_missing "$table" 'its header is there, and it is not'; continue; }
    [ "$digest" = "$(digest_of <"$table")" ] || defect ipe_digest "$header" "it is the header of another file than $table"
    found=$(rows_of "$table")
    [ "$rows" = "$found" ] || defect ipe_rows "$header" "it says $rows rows, and $table has $found"
  done <"$work/paths"
  [ "$headers" -gt 0 ] || defect ipe_missing '*.ipe.json' 'no file of the bundle says where it comes from'
}

# Bytes of hex digits, two by two.
bytes_of() {
  rest=$1
  octal=
  while [ -n "$rest" ]; do
    tail=${rest#??}
    byte=$((0x${rest%"$tail"}))
    octal="$octal\\0$((byte / 64))$((byte / 8 % 8))$((byte % 8))"
    rest=$tail
  done
  printf '%b' "$octal"
}

check_log() {
  [ -f "$work/paths" ] || return
  logged=
  while IFS= read -r path; do
    case $path in "$INDEX" | 07_action-log/log/* | 07_action-log/entries/*) logged=1 && break ;; esac
  done <"$work/paths"
  [ -n "$logged" ] || { echo 'note    the bundle holds no part of the action log'; return; }
  for file in "$INDEX" 07_action-log/log/manifest.json; do
    plain "$file" || { defect index_missing "$file" 'the log of the period has no index of hashes'; return; }
  done
  text=$(squeezed 07_action-log/log/manifest.json)
  first=$(field "$text" first) && last=$(field "$text" last) || first=
  case $first,$last in *[!0-9,]* | ,* | *,) defect index_malformed 07_action-log/log/manifest.json 'it names no range'; return ;; esac
  next=$first
  {
    IFS= read -r header
    [ "$header" = seq,entry_hash,link,previous_link,shard ] || { defect index_malformed "$INDEX" 'it has other columns'; return; }
    while IFS=, read -r seq entry link previous shard; do
      [ "$seq" = "$next" ] || { defect index_gap "$INDEX" "seq $next is not there"; return; }
      next=$((next + 1))
      [ "$next" -gt $((first + 100)) ] && [ "$next" -lt $((last - 398)) ] && continue
      case $entry$previous in *[!0-9a-f]*) entry= ;; esac
      [ ${#entry} -eq 64 ] && [ ${#previous} -eq 64 ] && [ -n "$shard" ] || { defect index_malformed "$INDEX" "seq $seq has no hashes"; return; }
      [ "$(bytes_of "$previous$entry" | digest_of)" = "$link" ] || { defect index_broken "$INDEX" "the link of seq $seq is not made of its hashes"; return; }
    done
  } <"$INDEX"
  [ "$((next - 1))" = "$last" ] || defect index_cut "$INDEX" "it ends with seq $((next - 1)); the export goes to $last"
}

check() { # what is said when it holds, the check
  before=$defects
  "$2"
  [ "$defects" -gt "$before" ] || echo "ok      $1"
}

check 'the key is the one with this fingerprint' check_key
check 'the manifest is signed by it, twice' check_signatures
check 'a statement by it names the manifest' check_statement
check 'the time-stamp fits, where there is one' check_timestamp
check 'every file is there as it was signed, and no other' check_files
check 'headers say what their files hold' check_headers
check 'the log of the period has its numbers without a gap; links of the first 100 and the last 400 fit' check_log
if [ "$defects" -gt 0 ]; then
  echo "NOT VERIFIED: $defects defects"
  exit 1
fi
echo VERIFIED
