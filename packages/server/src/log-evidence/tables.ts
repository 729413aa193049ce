/** The tables of the action log. */
import { CHAIN_INDEX_HEADER, type TableShape } from '@hivekey/evidence';
import { column } from '../evidence/index.ts';

export const ENTRIES: TableShape = {
  name: 'entries',
  title: 'Entries of the log',
  columns: [
    column('seq', 'integer', 'Place in the whole log, without a gap.'),
    column('agent_seq', 'integer', 'Number of the decision about the agent, without a gap. Of calls.'),
    column('entry_id', 'id', 'The entry. Of one whose payload has left the log: its number.'),
    column('occurred_at', 'time', 'By the clock of the gateway.'),
    column('recorded_at', 'time', 'When it was committed, by the clock of the database.'),
    column('agent_id', 'id', 'Who acted.'),
    column('agent_version', 'integer', 'Version of what the agent was made of, where that was declared.'),
    column('owner_user_id', 'id', 'The accountable person at that time.'),
    column('on_behalf_of', 'id', 'The agent it was first asked of, where another delegated it.'),
    column('session_id', 'id', 'Session of the agent.'),
    column('parent_action_id', 'id', 'Of a result, the call that it is of.'),
    column('delegation_chain', 'list', 'Agents on whose behalf, the first one first.'),
    column('tool', 'text', 'Name as the agent wrote it.'),
    column('capability', 'id', 'What was to be done.'),
    column('target', 'text', 'Whom it pays, where it is sent to, or what it is done to.'),
    column('args_digest', 'id', 'HMAC of the whole arguments, under a key of the workspace.'),
    column('args_redacted', 'json', 'Arguments as they were recorded: secrets were never there.'),
    column(
      'amount_minor',
      'integer',
      'Money in minor units: what was spent where the answer says so, else what was asked for.',
    ),
    column('currency', 'text', 'ISO 4217.'),
    column('records', 'integer', 'Records that it read.'),
    column('recipients', 'integer', 'Messages that it sent.'),
    column('verdict', 'text', '`allow`, `deny` or `review`: held for a person. Of calls.'),
    column('reason_code', 'text', 'Class of the reason.'),
    column('rule_ids', 'list', 'The rule that decided.'),
    column('policy_hash', 'id', 'Policy in force.'),
    column('approval_id', 'id', 'Approval that held it or let it run.'),
    column(
      'outcome',
      'text',
      '`success`, `error`, `unknown` or `not_attempted`. Empty: it was not over when this was read.',
    ),
    column('tool_reference', 'id', 'By which the tool itself knows it.'),
    column('latency_ms', 'number', 'Time until it was decided.'),
    column('source_ip', 'text', 'Address of the caller.'),
    column('trace_id', 'id', 'Of the W3C trace that it is part of.'),
    column('entry_sha256', 'id', 'SHA-256 of a zero byte and the record.'),
    column('link_sha256', 'id', 'Link of the chain of its shard: SHA-256 of the link before it and this hash.'),
    column('kind', 'text', 'What sort of entry.'),
    column('actor', 'text', 'Who did it, of what is no call.'),
    column('owner_email', 'text', 'Work address of the owner at that time.'),
    column('run_id', 'id', 'Run of the agent.'),
    column('payload', 'text', '`present`; `redacted` or `pruned`: it has left the log, its hash stays.'),
    column('payload_released_by', 'id', 'The record that let it go.'),
  ],
};

const INDEXED: Readonly<Record<string, string>> = {
  seq: 'Place in the whole log, without a gap.',
  entry_hash: 'SHA-256 of a zero byte and the record.',
  link: 'SHA-256 of the link before it and this hash.',
  previous_link: 'Link of the entry before it of the same shard.',
  shard: 'The chain it was written to.',
};

/** Its CSV is what `hivekey evidence verify` reads. */
export const CHAIN_INDEX: TableShape = {
  name: 'chain_index',
  title: 'Hashes of every entry, and nothing of its content',
  columns: CHAIN_INDEX_HEADER.split(',').map((name) =>
    column(name, name === 'seq' ? 'integer' : 'id', INDEXED[name] ?? ''),
  ),
};

export const DAILY_COUNTS: TableShape = {
  name: 'daily-counts',
  title: 'Entries by day',
  columns: [
    column('day', 'id', 'UTC.'),
    column('entries', 'integer', 'All of that day.'),
    column('calls', 'integer', 'Decisions about calls.'),
    column('allow', 'integer', 'Of which allowed.'),
    column('deny', 'integer', 'Of which denied.'),
    column('review', 'integer', 'Of which held for a person.'),
    column('results', 'integer', 'How calls ended.'),
    column('other', 'integer', 'Everything else: administrative acts, reads, the system itself.'),
    column('agents', 'integer', 'That made calls.'),
    column('first_seq', 'integer', 'Lowest number of the day.'),
    column('last_seq', 'integer', 'Highest number of the day.'),
    column(
      'checkpoint_size',
      'integer',
      'Size of the first signed tree that covers the day: checkpoints.jsonl has it.',
    ),
  ],
};

export const CLOCK_STEPS: TableShape = {
  name: 'clock-steps',
  title: 'Steps back of clocks',
  columns: [
    column('seq', 'integer', 'The entry that is dated before the one ahead of it in its chain.'),
    column('shard', 'id', 'The chain, which one gateway writes at a time.'),
    column('before', 'time', 'Time of the entry ahead of it.'),
    column('after', 'time', 'Its own time.'),
    column('step_ms', 'integer', 'How far back.'),
  ],
};
