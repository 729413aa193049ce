<#
Checks an evidence bundle with PowerShell 5.1 or later:

    powershell -ExecutionPolicy Bypass -File verify\verify.ps1 SHA256:<fingerprint> [folder of the bundle] [-WithoutOpenSsl]

The fingerprint is the one you were given by another road than this bundle (engagement letter, system description, the
well-known address). Needs ssh-keygen (OpenSSH 8.1 or later) and openssl (3 or later, e.g. that of Git for Windows). With
-WithoutOpenSsl the second signature, the statement and the time-stamp are not checked, and that is said. Fails closed: whatever is
missing, too much, or cannot be read is a defect. Exit status: 0 verified, 1 defects, 2 wrong use.

Of the index of the log it checks all numbers, and the links of the first 100 and the last 400 entries. All links, the tree and
the entries themselves are checked by verify.py and by `hivekey evidence verify`.
#>
param(
    [Parameter(Position = 0)][string]$Fingerprint = '',
    [Parameter(Position = 1)][string]$Folder = '',
    [switch]$WithoutOpenSsl
)
Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'
$Namespace = 'agent-evidence@hivekey'
$Signer = 'evidence@hivekey'
$Index = '07_action-log/chain_index.csv'
$About = @('MANIFEST.sha256', 'MANIFEST.sha256.sshsig', 'MANIFEST.sha256.sig', 'MANIFEST.tsr', 'bundle.dsse.json')
$script:Defects = 0
$script:Files = @{}

function Defect([string]$Code, [string]$Where, [string]$What) {
    $script:Defects++
    Write-Output "DEFECT  $Code  $($Where -replace '[^A-Za-z0-9._/*-]', '?'): $What"
}

if ($Folder -eq '') { $Folder = Split-Path -Parent $PSScriptRoot }
if (-not (Test-Path -LiteralPath $Folder -PathType Container)) {
    Write-Output 'usage: verify.ps1 SHA256:<fingerprint> [folder of the bundle] [-WithoutOpenSsl]'
    exit 2
}
$Root = (Resolve-Path -LiteralPath $Folder).ProviderPath
$Tools = @('ssh-keygen')
if (-not $WithoutOpenSsl) { $Tools += 'openssl' }
foreach ($tool in $Tools) {
    if ($null -eq (Get-Command $tool -CommandType Application -ErrorAction SilentlyContinue)) {
        Defect 'tool_missing' $tool 'it is not there'
    }
}
if ($script:Defects -gt 0) {
    Write-Output "NOT VERIFIED: $($script:Defects) defects"
    exit 1
}
$Work = Join-Path ([IO.Path]::GetTempPath()) ([Guid]::NewGuid().ToString())
New-Item -ItemType Directory -Path $Work | Out-Null
$Sha256 = [Security.Cryptography.SHA256]::Create()

function PathOf([string]$Name) { return [IO.Path]::Combine($Root, $Name.Replace('/', [IO.Path]::DirectorySeparatorChar)) }

function IsPlain([string]$Name) {
    $path = PathOf $Name
    if (-not [IO.File]::Exists($path)) { return $false }
    return ([IO.File]::GetAttributes($path) -band [IO.FileAttributes]::ReparsePoint) -eq 0
}

function TextOf([string]$Name) { return [IO.File]::ReadAllText((PathOf $Name), [Text.Encoding]::UTF8) }

function HexOf([byte[]]$Bytes) { return ([BitConverter]::ToString($Bytes) -replace '-', '').ToLowerInvariant() }

function DigestOf([string]$Path) { return (Get-FileHash -LiteralPath $Path -Algorithm SHA256).Hash.ToLowerInvariant() }

# Runs a program with one argument string, standard input from a file or none; its exit status.
function Run([string]$Program, [string]$Arguments, [string]$InputPath) {
    $start = New-Object Diagnostics.ProcessStartInfo
    $start.FileName = (Get-Command $Program -CommandType Application | Select-Object -First 1).Source
    $start.Arguments = $Arguments
    $start.WorkingDirectory = $Root
    $start.UseShellExecute = $false
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    $process = [Diagnostics.Process]::Start($start)
    $output = $process.StandardOutput.ReadToEndAsync()
    $errors = $process.StandardError.ReadToEndAsync()
    if ($InputPath -ne '') {
        $bytes = [IO.File]::ReadAllBytes($InputPath)
        $process.StandardInput.BaseStream.Write($bytes, 0, $bytes.Length)
    }
    $process.StandardInput.Close()
    $process.WaitForExit()
    [void]$errors.Result
    return [PSCustomObject]@{ Status = $process.ExitCode; Output = $output.Result }
}

function IsSigned([string]$Message, [string]$Signature) {
    return (Run 'openssl' "pkeyutl -verify -pubin -inkey keys/pub.pem -rawin -in `"$Message`" -sigfile `"$Signature`"" '').Status -eq 0
}

function CheckKey {
    foreach ($name in @('keys/allowed_signers', 'keys/pub.pem')) {
        if (-not (IsPlain $name)) { Defect 'key_missing' $name 'it is missing'; return }
    }
    $line = TextOf 'keys/allowed_signers'
    $found = [regex]::Match($line, '\Aevidence@hivekey namespaces="agent-evidence@hivekey" ssh-ed25519 ([A-Za-z0-9+/=]+)\n\z')
    if (-not $found.Success) { Defect 'key_malformed' 'keys/allowed_signers' 'it is not the one line of one Ed25519 key'; return }
    $blob = [Convert]::FromBase64String($found.Groups[1].Value)
    $own = 'SHA256:' + [Convert]::ToBase64String($Sha256.ComputeHash($blob)).TrimEnd('=')
    if ($Fingerprint -eq '') {
        Defect 'fingerprint_missing' 'keys/allowed_signers' "the key in the bundle is $own; give the fingerprint you were told by another road"
    } elseif ($Fingerprint -cne $own) {
        Defect 'key_differs' 'keys/allowed_signers' "the bundle brings $own, not $Fingerprint"
    }
    $pem = (TextOf 'keys/pub.pem') -replace '-----[A-Z ]+-----', '' -replace '\s', ''
    $raw = HexOf ([byte[]]$blob[($blob.Length - 32)..($blob.Length - 1)])
    if ((HexOf ([Convert]::FromBase64String($pem))) -cne ('302a300506032b6570032100' + $raw)) {
        Defect 'keys_disagree' 'keys/pub.pem' 'it is another key than keys/allowed_signers has'
    }
}

function CheckSignatures {
    if (-not (IsPlain 'MANIFEST.sha256')) { Defect 'manifest_missing' 'MANIFEST.sha256' 'it is missing'; return }
    if (-not (IsPlain 'MANIFEST.sha256.sshsig')) {
        Defect 'signature_missing' 'MANIFEST.sha256.sshsig' 'it is missing'
    } elseif ((Run 'ssh-keygen' "-Y verify -f keys/allowed_signers -I $Signer -n $Namespace -s MANIFEST.sha256.sshsig" (PathOf 'MANIFEST.sha256')).Status -ne 0) {
        Defect 'signature_invalid' 'MANIFEST.sha256.sshsig' 'it is not a signature of the manifest by this key'
    }
    if (-not (IsPlain 'MANIFEST.sha256.sig')) {
        Defect 'signature_missing' 'MANIFEST.sha256.sig' 'it is missing'
    } elseif ($WithoutOpenSsl) {
        Write-Output 'note    MANIFEST.sha256.sig is not checked: no openssl'
    } elseif (-not (IsSigned 'MANIFEST.sha256' 'MANIFEST.sha256.sig')) {
        Defect 'signature_invalid' 'MANIFEST.sha256.sig' 'it is not a signature of the manifest by this key'
    }
}

function CheckStatement {
    if (-not (IsPlain 'bundle.dsse.json')) { Defect 'statement_missing' 'bundle.dsse.json' 'it is missing'; return }
    $envelope = TextOf 'bundle.dsse.json' | ConvertFrom-Json
    $payload = [Convert]::FromBase64String($envelope.payload)
    $statement = [Text.Encoding]::UTF8.GetString($payload) | ConvertFrom-Json
    $type = 'application/vnd.in-toto+json'
    $subjects = @($statement.subject)
    $fits = $envelope.payloadType -ceq $type -and $statement._type -ceq 'https://in-toto.io/Statement/v1'
    $fits = $fits -and $subjects.Length -eq 1 -and $subjects[0].digest.sha256 -ceq (DigestOf (PathOf 'MANIFEST.sha256'))
    if ($fits -and $WithoutOpenSsl) { Write-Output 'note    the signature of bundle.dsse.json is not checked: no openssl'; return }
    if ($fits) {
        $signed = Join-Path $Work 'signed'
        $signature = Join-Path $Work 'signature'
        $before = [Text.Encoding]::ASCII.GetBytes("DSSEv1 $($type.Length) $type $($payload.Length) ")
        [IO.File]::WriteAllBytes($signed, [byte[]]($before + $payload))
        [IO.File]::WriteAllBytes($signature, [Convert]::FromBase64String(@($envelope.signatures)[0].sig))
        $fits = IsSigned $signed $signature
    }
    if (-not $fits) { Defect 'statement_invalid' 'bundle.dsse.json' 'it is not a statement by this key about this manifest' }
}

function CheckTimestamp {
    $authority = IsPlain 'keys/tsa-ca.pem'
    $token = IsPlain 'MANIFEST.tsr'
    if (-not $authority -and -not $token) { return }
    if ($authority -ne $token) { Defect 'timestamp_missing' 'MANIFEST.tsr' 'the bundle has one half of a time-stamp'; return }
    if ($WithoutOpenSsl) { Write-Output 'note    the time-stamp is not checked: no openssl'; return }
    if ((Run 'openssl' 'ts -verify -data MANIFEST.sha256 -in MANIFEST.tsr -CAfile keys/tsa-ca.pem' '').Status -ne 0) {
        Defect 'timestamp_invalid' 'MANIFEST.tsr' 'it is not a time-stamp of this manifest by this authority'
    }
}

function CheckFiles {
    if (-not (IsPlain 'MANIFEST.sha256')) { Defect 'manifest_missing' 'MANIFEST.sha256' 'it is missing'; return }
    $text = TextOf 'MANIFEST.sha256'
    if ($text.Length -eq 0 -or -not $text.EndsWith("`n")) { Defect 'manifest_malformed' 'MANIFEST.sha256' 'it is cut off, or empty'; return }
    foreach ($line in $text.Substring(0, $text.Length - 1).Split("`n")) {
        $found = [regex]::Match($line, '\A([0-9a-f]{64})  ((?!\.)[A-Za-z0-9._-]+(?:/(?!\.)[A-Za-z0-9._-]+)*)\z')
        $name = $found.Groups[2].Value
        if (-not $found.Success -or $script:Files.ContainsKey($name) -or $About -ccontains $name) {
            Defect 'manifest_malformed' 'MANIFEST.sha256' 'a line is not a digest and a path'
            return
        }
        $script:Files[$name] = $found.Groups[1].Value
    }
    foreach ($name in $script:Files.Keys) {
        if (IsPlain $name) {
            if ((DigestOf (PathOf $name)) -cne $script:Files[$name]) { Defect 'file_changed' $name 'it is not what was signed' }
        } elseif (Test-Path -LiteralPath (PathOf $name)) {
            Defect 'file_irregular' $name 'it is no plain file'
        } else {
            Defect 'file_missing' $name 'the manifest names it, and it is not there'
        }
    }
    foreach ($each in Get-ChildItem -LiteralPath $Root -Recurse -Force) {
        $name = $each.FullName.Substring($Root.TrimEnd('\', '/').Length + 1).Replace('\', '/')
        if (($each.Attributes -band [IO.FileAttributes]::ReparsePoint) -ne 0) { Defect 'file_irregular' $name 'it is a link' }
        if ($each.PSIsContainer) { continue }
        if (-not $script:Files.ContainsKey($name) -and -not ($About -ccontains $name)) { Defect 'file_extra' $name 'the manifest does not name it' }
    }
}

# Records of RFC 4180 without the header: line feeds within quotes do not end one.
function RowsOf([string]$Path) {
    $rows = -1
    $open = $false
    $reader = New-Object IO.StreamReader($Path, [Text.Encoding]::UTF8)
    try {
        while ($null -ne ($line = $reader.ReadLine())) {
            if ((($line.Length - $line.Replace('"', '').Length) % 2) -eq 1) { $open = -not $open }
            if (-not $open) { $rows++ }
        }
    } finally { $reader.Close() }
    return $rows
}

function CheckHeaders {
    $headers = @($script:Files.Keys | Where-Object { $_.EndsWith('.ipe.json') })
    if ($headers.Length -eq 0) { Defect 'ipe_missing' '*.ipe.json' 'no file of the bundle says where it comes from'; return }
    foreach ($header in $headers) {
        if (-not (IsPlain $header)) { continue }
        $table = $header.Substring(0, $header.Length - '.ipe.json'.Length) + '.csv'
        try {
            $said = TextOf $header | ConvertFrom-Json
            $digest = [string]$said.sha256
            $rows = [long]$said.row_count
        } catch { Defect 'ipe_malformed' $header 'it does not say digest and number of rows'; continue }
        if (-not (IsPlain $table)) { Defect 'file_missing' $table 'its header is there, and it is not'; continue }
        if ((DigestOf (PathOf $table)) -cne $digest) { Defect 'ipe_digest' $header "it is the header of another file than $table" }
        $found = RowsOf (PathOf $table)
        if ($found -ne $rows) { Defect 'ipe_rows' $header "it says $rows rows, and $table has $found" }
    }
}

function BytesOf([string]$Hex) {
    $bytes = New-Object byte[] ($Hex.Length / 2)
    for ($i = 0; $i -lt $bytes.Length; $i++) { $bytes[$i] = [Convert]::ToByte($Hex.Substring(2 * $i, 2), 16) }
    return , $bytes
}

function CheckLog {
    $parts = @($script:Files.Keys | Where-Object { $_ -ceq $Index -or $_.StartsWith('07_action-log/log/') -or $_.StartsWith('07_action-log/entries/') })
    if ($parts.Length -eq 0) { Write-Output 'note    the bundle holds no part of the action log'; return }
    foreach ($name in @($Index, '07_action-log/log/manifest.json')) {
        if (-not (IsPlain $name)) { Defect 'index_missing' $name 'the log of the period has no index of hashes'; return }
    }
    $said = TextOf '07_action-log/log/manifest.json' | ConvertFrom-Json
    $first = [long]$said.first
    $last = [long]$said.last
    $next = $first
    $reader = New-Object IO.StreamReader((PathOf $Index), [Text.Encoding]::ASCII)
    try {
        if ($reader.ReadLine() -cne 'seq,entry_hash,link,previous_link,shard') { Defect 'index_malformed' $Index 'it has other columns'; return }
        while ($null -ne ($line = $reader.ReadLine())) {
            $row = $line.Split(',')
            if ($row[0] -cne [string]$next) { Defect 'index_gap' $Index "seq $next is not there"; return }
            $next++
            if ($next -gt $first + 100 -and $next -lt $last - 398) { continue }
            if ($line -cnotmatch '\A\d{1,15}(,[0-9a-f]{64}){3},[A-Za-z0-9_-]{1,64}\z') { Defect 'index_malformed' $Index "seq $($row[0]) has no hashes"; return }
            if ((HexOf ($Sha256.ComputeHash((BytesOf ($row[3] + $row[1]))))) -cne $row[2]) {
                Defect 'index_broken' $Index "the link of seq $($row[0]) is not made of its hashes"
                return
            }
        }
    } finally { $reader.Close() }
    if ($next - 1 -ne $last) { Defect 'index_cut' $Index "it ends with seq $($next - 1); the export goes to $last" }
}

# What goes wrong in a check is a defect: an input that breaks a check has not passed it.
function Check([string]$Said, [string]$Name) {
    $before = $script:Defects
    try { & $Name } catch { Defect 'check_failed' $Name ($_.Exception.Message -replace '[^ -~]', '?') }
    if ($script:Defects -eq $before) { Write-Output "ok      $Said" }
}

try {
    Check 'the key is the one with this fingerprint' 'CheckKey'
    Check 'the manifest is signed by it' 'CheckSignatures'
    Check 'a statement by it names the manifest' 'CheckStatement'
    Check 'the time-stamp fits, where there is one' 'CheckTimestamp'
    Check 'every file is there as it was signed, and no other' 'CheckFiles'
    Check 'headers say what their files hold' 'CheckHeaders'
    Check 'the log of the period has its numbers without a gap; links of the first 100 and the last 400 fit' 'CheckLog'
} finally { Remove-Item -LiteralPath $Work -Recurse -Force -ErrorAction SilentlyContinue }
if ($script:Defects -gt 0) {
    Write-Output "NOT VERIFIED: $($script:Defects) defects"
    exit 1
}
Write-Output 'VERIFIED'
exit 0
