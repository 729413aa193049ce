/** Branded identifiers: an AgentId is not a WorkspaceId, although both are strings at run time. */
import { randomBytes } from 'node:crypto';

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type WorkspaceId = Branded<'WorkspaceId'>;
export type AgentId = Branded<'AgentId'>;
export type PersonId = Branded<'PersonId'>;
export type GroupId = Branded<'GroupId'>;
/** Of a public key or a federation rule of an agent. */
export type CredentialId = Branded<'CredentialId'>;
/** Of an issuer that vouches for workloads. */
export type IssuerId = Branded<'IssuerId'>;
export type TokenId = Branded<'TokenId'>;
export type KeyId = Branded<'KeyId'>;
/** Of a console session. */
export type SessionId = Branded<'SessionId'>;
/** Of an identity provider. */
export type ProviderId = Branded<'ProviderId'>;
/** Of who a person is at an identity provider. */
export type IdentityId = Branded<'IdentityId'>;
export type ServerId = Branded<'ServerId'>;
export type ApiId = Branded<'ApiId'>;
export type EventId = Branded<'EventId'>;

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** `length` base62 characters without modulo bias. */
export function randomBase62(length: number): string {
  let text = '';
  while (text.length < length) {
    for (const byte of randomBytes(length + 8)) {
      if (byte < 248 && text.length < length) text += BASE62[byte % 62];
    }
  }
  return text;
}

/** An object id such as `agt_5Kd0pNa81kQz`: 12 random base62 characters (71 bits). */
export function newId<Id extends string>(
  prefix:
    | 'wsp'
    | 'bra'
    | 'drf'
    | 'brc'
    | 'per'
    | 'agt'
    | 'tok'
    | 'key'
    | 'mcp'
    | 'api'
    | 'stop'
    | 'req'
    | 'ses'
    | 'tsk'
    | 'whk'
    | 'prm'
    | 'apr'
    | 'shd'
    | 'sec'
    | 'ovr'
    | 'rsk'
    | 'qua'
    | 'prp'
    | 'reh'
    | 'dlg'
    | 'ttk'
    | 'otr'
    | 'arq'
    | 'msg'
    | 'idp'
    | 'idt'
    | 'inv'
    | 'psk'
    | 'sgn'
    | 'grp'
    | 'sag'
    | 'scim'
    | 'sct'
    | 'rwp'
    | 'crd'
    | 'wis'
    | 'act'
    | 'rep'
    | 'tst'
    | 'ocl'
    | 'cns'
    | 'rft'
    | 'prv'
    | 'unr'
    | 'chg'
    | 'cmt'
    | 'snk'
    | 'sst'
    | 'rpl'
    | 'sdl'
    | 'skp'
    | 'alr'
    | 'cas'
    | 'inc'
    | 'fup'
    | 'nte'
    | 'rrq'
    | 'rvb'
    | 'rvs'
    | 'dsp'
    | 'hld'
    | 'qry'
    | 'smp'
    | 'tie'
    | 'bdl'
    | 'tdf'
    | 'eng'
    | 'erq'
    | 'est'
    | 'ent'
    | 'ern'
    | 'run'
    | 'def'
    | 'exm'
    | 'sod'
    | 'soa',
): Id {
  return `${prefix}_${randomBase62(12)}` as Id;
}

let pool = Buffer.alloc(0);
let poolAt = 0;

/** A log record's id: `evt_` and a ULID (48-bit milliseconds, 80 random bits, Crockford base32), so ids sort by time. */
export function newEventId(nowMs: number): EventId {
  if (poolAt + 16 > pool.length) {
    pool = randomBytes(4096);
    poolAt = 0;
  }
  let time = nowMs;
  let head = '';
  for (let i = 0; i < 10; i += 1) {
    head = CROCKFORD[time % 32] + head;
    time = Math.floor(time / 32);
  }
  let tail = '';
  for (let i = 0; i < 16; i += 1) tail += CROCKFORD[(pool[poolAt + i] ?? 0) & 31];
  poolAt += 16;
  return `evt_${head}${tail}` as EventId;
}
