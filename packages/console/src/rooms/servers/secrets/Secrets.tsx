import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { StoredSecret } from '../../../api/agent-types.ts';
import { secretsQuery } from '../../../api/queries.ts';
import { ActButton } from '../../../ui/ActButton.tsx';
import { type Column, DataTable, rowLink, Tags, TwoLines } from '../../../ui/DataTable.tsx';
import { actorWords } from '../../../ui/format.ts';
import { Empty, ErrorNotice } from '../../../ui/Notice.tsx';
import { Section } from '../../../ui/Page.tsx';
import { Time } from '../../../ui/Time.tsx';
import { Mark, StatusMark } from '../../../ui/Verdict.tsx';
import { EncryptionKeys } from './EncryptionKeys.tsx';
import { StoreSecret } from './StoreSecret.tsx';

const COLUMNS: readonly Column<StoredSecret>[] = [
  {
    key: 'name',
    header: 'Credential',
    cell: ({ name, last4 }) => (
      <TwoLines
        first={
          <Link to="/secrets/$secret" params={{ secret: name }} className={rowLink} title={name}>
            {name}
          </Link>
        }
        second={`…${last4}`}
      />
    ),
  },
  {
    key: 'version',
    header: 'Version',
    width: '170px',
    cell: ({ version, versions }) => (
      <span className="row-wrap">
        {version === 0 ? <span className="muted">none</span> : <span className="num">{version}</span>}
        {versions.some(({ state }) => state === 'staged') ? <StatusMark status="staged" /> : null}
      </span>
    ),
  },
  {
    key: 'used by',
    header: 'Used by',
    cell: ({ used_by }) => <Tags names={used_by.map(({ name }) => name)} most={2} />,
  },
  {
    key: 'set',
    header: 'Set',
    width: '150px',
    cell: ({ created, created_by }) => (
      <TwoLines first={<Time value={created} />} second={`by ${actorWords(created_by)}`} />
    ),
  },
  {
    key: 'used',
    header: 'Last used',
    width: '112px',
    cell: ({ last_used }) => <Time value={last_used} absent="never" />,
  },
  { key: 'ends', header: 'Ends', width: '150px', cell: (secret) => <SecretEnd secret={secret} /> },
];

export function SecretEnd({ secret: { expires, expiry } }: { readonly secret: StoredSecret }) {
  if (expiry === 'none') return <span className="muted">not stated</span>;
  return (
    <span className="row-wrap">
      <Time value={expires} />
      {expiry === 'soon' ? <Mark tone="review">soon</Mark> : null}
      {expiry === 'past' ? <Mark tone="deny">past</Mark> : null}
    </span>
  );
}

/** Credentials that the gateway adds on the way and that agents never have. */
export function Secrets() {
  const { data, error, refetch } = useQuery(secretsQuery);
  const [isStoring, setStoring] = useState(false);
  return (
    <Section
      title="Credentials towards upstreams"
      aside={
        <ActButton
          needs="PUT /v1/secrets/:name"
          variant="default"
          size="compact-sm"
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={() => setStoring(true)}
        >
          Store a credential
        </ActButton>
      }
    >
      <div className="stack">
        {error === null ? (
          <DataTable
            label="Credentials towards upstreams"
            columns={COLUMNS}
            rows={data}
            rowKey={({ name }) => name}
            empty={
              <Empty title="No credential is stored" command="npx hivekey secret set crm-token">
                The gateway adds credentials on the way; agents never have them. Those in Vault, in the environment or
                in files are named by servers directly and do not stand here.
              </Empty>
            }
          />
        ) : (
          <ErrorNotice error={error} retry={() => void refetch()} />
        )}
        <EncryptionKeys />
      </div>
      {isStoring ? <StoreSecret onClose={() => setStoring(false)} /> : null}
    </Section>
  );
}
