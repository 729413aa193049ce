import type { EvidenceBundle, EvidenceKey } from '@hivekey/sdk';
import { Button } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { at } from '../../api/client.ts';
import { bundlesQuery, evidenceKeyQuery } from '../../api/evidence-queries.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { CodeBlock, Identifier } from '../../ui/Copy.tsx';
import { actions, type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { count } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { type Days, instants, lastQuarter, PeriodFields } from '../../ui/Period.tsx';
import { ReasonForm } from '../../ui/ReasonForm.tsx';
import { Time } from '../../ui/Time.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';

/** Everything about a period in one signed archive that is checked without us. */
export function Bundles() {
  const [isAsking, setAsking] = useState(false);
  const { data, error, refetch } = useQuery(bundlesQuery);
  const { data: key } = useQuery(evidenceKeyQuery);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <div className="stack">
      <div className="stack-tight">
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          <ActButton needs="POST /v1/evidence/bundles" onClick={() => setAsking(true)}>
            Build a bundle
          </ActButton>
        </div>
        <DataTable
          label="Bundles"
          rows={data}
          rowKey={({ id }) => id}
          columns={[
            ...COLUMNS,
            actions<EvidenceBundle>('130px', ({ id, status }) =>
              status === 'ready' ? (
                <Button
                  component="a"
                  variant="default"
                  size="compact-xs"
                  leftSection={<IconDownload size={12} aria-hidden />}
                  href={at`/v1/evidence/bundles/${id}/download`}
                  download
                >
                  Download
                </Button>
              ) : null,
            ),
          ]}
          empty={
            <Empty title="No bundle was built yet" command="npx hivekey evidence export --help">
              A bundle has every report of a period with its hashes, a signature, and scripts that check it on a machine
              without HiveKey.
            </Empty>
          }
        />
      </div>
      {key === undefined ? null : <Key of={key} />}
      {isAsking ? <Build known={data ?? []} onClose={() => setAsking(false)} /> : null}
    </div>
  );
}

const COLUMNS: readonly Column<EvidenceBundle>[] = [
  {
    key: 'name',
    header: 'Bundle',
    cell: ({ name, reason, failure, status, step }) => (
      <TwoLines
        first={name}
        second={failure !== null ? `${failure.cause} ${failure.remedy}` : status === 'building' ? step : reason}
      />
    ),
  },
  {
    key: 'period',
    header: 'Period',
    width: '230px',
    cell: ({ from, to }) => (
      <span className="num">
        {from.slice(0, 10)} to before {to.slice(0, 10)}
      </span>
    ),
  },
  {
    key: 'files',
    header: 'Files',
    width: '80px',
    align: 'end',
    cell: ({ files }) => <span className="num">{files === null ? '—' : count(files)}</span>,
  },
  {
    key: 'changes',
    header: 'Since the one before',
    width: '190px',
    cell: ({ changes }) =>
      changes === null ? (
        <span className="muted">the first</span>
      ) : (
        `${count(changes.added)} new, ${count(changes.changed)} changed, ${count(changes.removed)} gone`
      ),
  },
  {
    key: 'status',
    header: 'Status',
    width: '120px',
    cell: ({ status }) => (
      <StatusMark
        status={
          status === 'building' ? 'running' : status === 'ready' ? 'finished' : status === 'disposed' ? 'gone' : status
        }
      />
    ),
  },
  { key: 'at', header: 'Asked for', width: '110px', cell: ({ requested_at: asked }) => <Time value={asked} /> },
];

function Key({ of: { fingerprint, allowed_signers: signers } }: { readonly of: EvidenceKey }) {
  return (
    <Section title="The key that signs them">
      <p className="muted">
        Compare the fingerprint by another road than the bundle: the engagement letter, or a call. A key that travels
        with what it signs proves nothing.
      </p>
      <p>
        <Identifier value={fingerprint} what="Fingerprint of the evidence key" />
      </p>
      <CodeBlock what="For ssh-keygen -Y verify -f" code={signers} wrap />
    </Section>
  );
}

function Build({ known, onClose }: { readonly known: readonly EvidenceBundle[]; readonly onClose: () => void }) {
  const [days, setDays] = useState<Days>(lastQuarter());
  const period = instants(days);
  const isAgain = known.some(
    ({ from, to }) => Date.parse(from) === Date.parse(period.from) && Date.parse(to) === Date.parse(period.to),
  );
  return (
    <ReasonForm
      title="Build a bundle"
      action="Build"
      needs="POST /v1/evidence/bundles"
      to="/v1/evidence/bundles"
      body={period}
      done="It is being built; it can be followed here"
      reason={isAgain ? 'required' : 'optional'}
      changes={['evidence']}
      onClose={onClose}
    >
      <PeriodFields value={days} onChange={setDays} />
      <p className="muted">
        {isAgain
          ? 'There is a bundle of this period. The next version lists what is different, and says your reason.'
          : 'The log is verified first. One that does not verify gives no bundle.'}
      </p>
    </ReasonForm>
  );
}
