/**
 * The names that stand at the top of the flat view, with their types: what the detection rules read, columns of the
 * Log Analytics table, typed fields of the Elastic index. A record's field that is not here, or whose value is of
 * another type in this kind of record, is never forced into a column of the wrong type: it goes under `more`.
 */

/** `time` is ISO 8601 in UTC; `json` the RFC 8785 text of an object or an array. */
export type FieldType = 'text' | 'whole' | 'number' | 'flag' | 'time' | 'texts' | 'json';

/** Beside the record; a field of a record that has such a name goes under `more`. */
export const ENVELOPE_FIELDS = {
  seq: 'whole',
  entry_hash: 'text',
  prev_hash: 'text',
  hash: 'text',
  raw: 'text',
  replayed: 'flag',
  omitted: 'texts',
  more: 'json',
} as const satisfies Readonly<Record<string, FieldType>>;

export const RECORD_FIELDS = {
  v: 'whole',
  event_id: 'text',
  kind: 'text',
  ts: 'time',
  workspace: 'text',
  env: 'text',
  shard: 'text',
  shard_seq: 'whole',
  actor: 'text',
  actor_type: 'text',
  actor_name: 'text',
  agent: 'text',
  agent_id: 'text',
  agent_seq: 'whole',
  agent_version: 'whole',
  owner: 'text',
  owner_label: 'text',
  token_id: 'text',
  role: 'text',
  role_rev: 'whole',
  prev_role_rev: 'whole',
  roles: 'texts',
  run_id: 'text',
  session_id: 'text',
  call_seq: 'whole',
  call_event_id: 'text',
  action: 'text',
  tool: 'text',
  namespace: 'text',
  upstream_tool: 'text',
  tool_digest: 'text',
  access: 'text',
  destructive: 'flag',
  external: 'flag',
  resource: 'text',
  payee: 'text',
  dest: 'text',
  amount_minor: 'whole',
  currency: 'text',
  approval_threshold: 'whole',
  impact: 'json',
  spent: 'json',
  bytes_in: 'whole',
  bytes_out: 'whole',
  rows_out: 'whole',
  args: 'json',
  args_digest: 'text',
  provenance: 'text',
  verdict: 'text',
  reason_class: 'text',
  reason: 'text',
  rule: 'text',
  trace: 'json',
  shadow: 'json',
  state: 'json',
  charges: 'json',
  credits: 'json',
  chain: 'json',
  policy: 'text',
  prev_policy: 'text',
  policy_revision: 'whole',
  mode: 'text',
  synthetic: 'flag',
  outcome: 'text',
  error_code: 'text',
  upstream_code: 'whole',
  upstream_ms: 'number',
  latency_ms: 'number',
  entrance: 'text',
  traceparent: 'text',
  src_ip: 'text',
  local_hour: 'whole',
  local_dow: 'whole',
  model: 'text',
  model_provider: 'text',
  approval_id: 'text',
  approval_hash: 'text',
  approver: 'text',
  approvers: 'texts',
  requester: 'text',
  requested_at: 'time',
  dwell_ms: 'number',
  binds: 'text',
  decision: 'text',
  channel: 'text',
  held_event_id: 'text',
  released_event_id: 'text',
  expires_at: 'time',
  author: 'text',
  reviewer: 'text',
  loosens: 'flag',
  change: 'text',
  changes: 'json',
  change_id: 'text',
  object_type: 'text',
  object_id: 'text',
  sha256: 'text',
  pin: 'text',
  prev_pin: 'text',
  server: 'text',
  capability: 'text',
  containment_id: 'text',
  quarantine_id: 'text',
  breaker: 'text',
  freeze: 'text',
  scope: 'text',
  target: 'text',
  status: 'text',
  severity: 'text',
  person: 'text',
  person_id: 'text',
  key: 'text',
  key_id: 'text',
  session: 'text',
  method: 'text',
  code: 'text',
  route: 'text',
  node: 'text',
  identity: 'text',
  detection_id: 'text',
  detection_ref: 'text',
  detection_name: 'text',
  detection_version: 'whole',
  detection_digest: 'text',
  level: 'text',
  group_key: 'text',
  window_from: 'time',
  window_to: 'time',
  evidence: 'texts',
  evidence_count: 'whole',
  evidence_truncated: 'flag',
  sink: 'text',
  sink_id: 'text',
  stream: 'text',
  tree_size: 'whole',
  root_hash: 'text',
  cursor_seq: 'whole',
  counts: 'json',
  filter: 'text',
  note: 'text',
} as const satisfies Readonly<Record<string, FieldType>>;

const TYPES: ReadonlyMap<string, FieldType> = new Map(Object.entries(RECORD_FIELDS));

/** Undefined: it goes under `more`. */
export function typeOf(field: string): FieldType | undefined {
  return TYPES.get(field);
}

/** Whether a value of a record stands in the flat view as it is declared there. */
export function fits(type: FieldType, value: unknown): boolean {
  switch (type) {
    case 'text':
      return typeof value === 'string';
    case 'whole':
      return Number.isSafeInteger(value);
    case 'number':
      return Number.isFinite(value);
    case 'flag':
      return typeof value === 'boolean';
    case 'time':
      return typeof value === 'string' && INSTANT.test(value);
    case 'texts':
      return Array.isArray(value) && value.every((each) => typeof each === 'string');
    case 'json':
      return typeof value === 'object' && value !== null;
  }
}

const INSTANT = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?Z$/;
