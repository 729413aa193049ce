import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { scimConnectionsQuery } from '../../api/identity-queries.ts';
import type { ScimConnection } from '../../api/identity-types.ts';
import { useRefusal } from '../../app/may.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { type Column, DataTable, rowLink, TwoLines } from '../../ui/DataTable.tsx';
import { count } from '../../ui/format.ts';
import { Empty, ErrorNotice, NotForYou } from '../../ui/Notice.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark, StatusMark } from '../../ui/Verdict.tsx';
import { ConnectionDrawer } from './provisioning/ConnectionDrawer.tsx';
import { NewConnection } from './provisioning/NewConnection.tsx';

const route = getRouteApi('/in/people');
/** A token that ends within this is marked. */
const SOON_SECONDS = 30 * 86_400;

const COLUMNS: readonly Column<ScimConnection>[] = [
  {
    key: 'name',
    header: 'SCIM connection',
    cell: ({ id, name, scopes }) => (
      <TwoLines
        first={
          <Link to="/people" search={{ tab: 'provisioning', open: id }} className={rowLink} title={name}>
            {name}
          </Link>
        }
        second={scopes.join(', ')}
      />
    ),
  },
  { key: 'status', header: 'Status', width: '110px', cell: ({ status }) => <StatusMark status={status} /> },
  {
    key: 'people',
    header: 'People',
    width: '90px',
    align: 'end',
    cell: ({ people }) => <span className="num">{count(people)}</span>,
  },
  {
    key: 'groups',
    header: 'Groups',
    width: '90px',
    align: 'end',
    cell: ({ groups }) => <span className="num">{count(groups)}</span>,
  },
  {
    key: 'seen',
    header: 'Last seen',
    width: '112px',
    cell: ({ last_seen_at }) => <Time value={last_seen_at} absent="never" />,
  },
  {
    key: 'error',
    header: 'Last error',
    width: '24%',
    cell: ({ last_error }) =>
      last_error === null ? (
        <span className="muted">none</span>
      ) : (
        <TwoLines first={<Time value={last_error.at} />} second={`${last_error.status} ${last_error.detail}`} />
      ),
  },
  { key: 'token', header: 'Token ends', width: '140px', cell: (connection) => <TokenEnd connection={connection} /> },
];

function TokenEnd({ connection: { status, tokens } }: { readonly connection: ScimConnection }) {
  const [newest] = tokens;
  if (status === 'revoked' || newest === undefined) return <span className="muted">—</span>;
  const isSoon = newest.expires_at - Date.now() / 1000 < SOON_SECONDS;
  return (
    <span className="row">
      {isSoon ? <Mark tone="review">soon</Mark> : null}
      <Time value={newest.expires_at} />
    </span>
  );
}

/** Directories that provision people and groups over SCIM. */
export function Provisioning() {
  const refusal = useRefusal('GET /v1/scim-connections');
  return refusal === undefined ? <Connections /> : <NotForYou>{refusal}</NotForYou>;
}

function Connections() {
  const { open, create } = route.useSearch();
  const navigate = route.useNavigate();
  const { data, error, refetch } = useQuery(scimConnectionsQuery);
  const [shown, setShown] = useState<ScimConnection>();
  const opened = data?.find(({ id }) => id === open);
  const close = () => {
    setShown(undefined);
    navigate({ search: (old) => ({ ...old, create: undefined, open: undefined }) });
  };
  return (
    <div className="stack-tight">
      <div className="spread">
        <p className="muted">
          A directory such as Okta or Microsoft Entra ID keeps people and groups in step by SCIM 2.0. Who is deactivated
          there is out here in the same second, with their agents.
        </p>
        <ActButton
          needs="POST /v1/scim-connections"
          style={{ flexShrink: 0 }}
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={() => navigate({ search: (old) => ({ ...old, create: true }) })}
        >
          New connection
        </ActButton>
      </div>
      {error === null ? (
        <DataTable
          label="SCIM connections"
          columns={COLUMNS}
          rows={data}
          rowKey={({ id }) => id}
          empty={
            <Empty title="No directory provisions people yet">
              People are added by hand, or come in by their first sign-in, until a directory does it.
            </Empty>
          }
        />
      ) : (
        <ErrorNotice error={error} retry={() => void refetch()} />
      )}
      {create === true || shown !== undefined ? (
        <NewConnection shown={shown} onShown={setShown} onClose={close} />
      ) : null}
      {opened === undefined || shown !== undefined ? null : (
        <ConnectionDrawer key={opened.id} connection={opened} onShown={setShown} onClose={close} />
      )}
    </div>
  );
}
