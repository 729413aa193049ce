import { Button } from '@mantine/core';
import { IconCheck, IconX } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { proofQuery } from '../../api/queries.ts';
import type { EventProof, LogEvent } from '../../api/types.ts';
import { type Check, type CheckName, checkProof } from '../../proof/check-proof.ts';
import { Identifier } from '../../ui/Copy.tsx';
import { count } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Section } from '../../ui/Page.tsx';
import { saveFile } from '../../ui/save-file.ts';
import classes from './log.module.css';

const WORDS: Readonly<Record<CheckName, string>> = {
  record: 'What is shown here is the record that was hashed, field by field.',
  entry: 'The record has the entry hash shown below.',
  inclusion: 'That entry is in the tree whose root the checkpoint names.',
  signature: 'The checkpoint is signed with the key below.',
};
const ALL = Object.keys(WORDS) as CheckName[];

/** Where the event stands in the log, and the proof of it, checked here and now. */
export function Integrity({ event }: { readonly event: LogEvent }) {
  return (
    <Section title="Integrity">
      <Proof event={event} />
      <Facts
        facts={[
          ['Position', `no. ${count(event.seq)} of the log`],
          ['Shard', `${String(event.shard)} no. ${String(event.shard_seq)}`],
          ['Entry hash', <Identifier key="entry" value={event.entry_hash} what="entry hash" />],
          ['Previous link', <Identifier key="prev" value={event.prev_hash} what="previous link" />],
          ['Link', <Identifier key="link" value={event.hash} what="link" />],
        ]}
      />
    </Section>
  );
}

function Proof({ event }: { readonly event: LogEvent }) {
  const proof = useQuery(proofQuery(event.event_id));
  const { data, error } = proof;
  const checked = useQuery({
    queryKey: ['events', event.event_id, 'checked', data?.checkpoint],
    queryFn: () => check(data, event),
    enabled: data !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  if (error !== null) return <ErrorNotice error={error} retry={() => void proof.refetch()} />;
  if (checked.error !== null) return <ErrorNotice error={checked.error} />;
  const result = checked.data;
  if (data === undefined || result === undefined) return <p className="muted">Fetching and checking the proof…</p>;
  if (result === 'unavailable')
    return (
      <p className="muted">
        This browser offers no cryptography on an address without TLS, so nothing is checked here. Save the proof and
        check it with <code>npx hivekey verify FILE</code>. <SaveProof proof={data} />
      </p>
    );
  const passed = ALL.every((name) => result.checks.some((each) => each.name === name && each.passed));
  return (
    <div className={classes.proof} data-passed={passed} data-testid="proof">
      <p>
        <strong>{passed ? 'Proof checked in this browser' : 'The proof does not hold'}</strong>
      </p>
      <ul>
        {ALL.map((name) => (
          <CheckLine key={name} name={name} check={result.checks.find((each) => each.name === name)} />
        ))}
      </ul>
      <p className="muted">
        Checkpoint of {count(data.tree_size)} entries, key <code>{result.keyName}</code> <code>{result.keyId}</code>.
        The key came from this server: compare it with the one you hold elsewhere. The whole log, its chains and older
        checkpoints are not checked here; <code>npx hivekey verify</code> does that offline.
      </p>
      <SaveProof proof={data} />
    </div>
  );
}

function CheckLine({ name, check }: { readonly name: CheckName; readonly check: Check | undefined }) {
  const passed = check?.passed === true;
  return (
    <li data-passed={check === undefined ? 'skipped' : passed}>
      {check === undefined ? (
        <span aria-hidden>–</span>
      ) : passed ? (
        <IconCheck size={14} aria-hidden />
      ) : (
        <IconX size={14} aria-hidden />
      )}
      <span>
        <span className="visually-hidden">
          {check === undefined ? 'Not checked: ' : passed ? 'Holds: ' : 'Fails: '}
        </span>
        {WORDS[name]}
        {check?.detail === undefined ? '' : ` Fails: ${check.detail}.`}
      </span>
    </li>
  );
}

async function check(proof: EventProof | undefined, event: LogEvent) {
  // Absent where the page is not a secure context.
  const subtle: SubtleCrypto | undefined = globalThis.crypto.subtle;
  if (proof === undefined || subtle === undefined) return 'unavailable' as const;
  return checkProof(proof, event, subtle);
}

function SaveProof({ proof }: { readonly proof: EventProof }) {
  return (
    <Button
      variant="default"
      size="compact-xs"
      onClick={() => saveFile(`${proof.event_id}.proof.json`, 'application/json', JSON.stringify(proof, null, 2))}
    >
      Save the proof
    </Button>
  );
}
