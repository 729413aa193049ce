import { Button, Modal, Select, Textarea, TextInput } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { workloadIssuersQuery } from '../../../api/agent-queries.ts';
import type { IssuerKind, WorkloadIssuer } from '../../../api/agent-types.ts';
import { at, send } from '../../../api/client.ts';
import { useWrite } from '../../../app/write.ts';
import { ActButton } from '../../../ui/ActButton.tsx';
import { Confirm } from '../../../ui/Confirm.tsx';
import { actions, type Column, DataTable, TwoLines } from '../../../ui/DataTable.tsx';
import { actorWords, count, plural } from '../../../ui/format.ts';
import { Empty, ErrorNotice } from '../../../ui/Notice.tsx';
import { Time } from '../../../ui/Time.tsx';
import { StatusMark } from '../../../ui/Verdict.tsx';
import { isJsonObject } from './claims.ts';
import { ISSUER_KINDS } from './issuer-kinds.ts';

const COLUMNS: readonly Column<WorkloadIssuer>[] = [
  {
    key: 'name',
    header: 'Issuer',
    cell: ({ name, issuer }) => <TwoLines first={<span title={name}>{name}</span>} second={issuer} />,
  },
  { key: 'kind', header: 'Platform', width: '140px', cell: ({ kind }) => ISSUER_KINDS[kind].label },
  {
    key: 'keys',
    header: 'Keys',
    cell: ({ jwks_url, key_ids }) =>
      jwks_url === null ? (
        <TwoLines first="pasted" second={(key_ids ?? []).join(', ')} />
      ) : (
        <span className="truncate" title={jwks_url}>
          {jwks_url}
        </span>
      ),
  },
  {
    key: 'rules',
    header: 'Rules',
    width: '72px',
    align: 'end',
    cell: ({ rules }) => <span className="num">{count(rules)}</span>,
  },
  {
    key: 'added',
    header: 'Added',
    width: '150px',
    cell: ({ created, created_by }) => (
      <TwoLines first={<Time value={created} />} second={`by ${actorWords(created_by)}`} />
    ),
  },
  { key: 'status', header: 'Status', width: '110px', cell: ({ status }) => <StatusMark status={status} /> },
];

/** Platforms that vouch for workloads, so that agents there need no secret. */
export function Issuers() {
  const { data, error, refetch } = useQuery(workloadIssuersQuery);
  const [act, setAct] = useState<'add' | WorkloadIssuer>();
  const columns: readonly Column<WorkloadIssuer>[] = [
    ...COLUMNS,
    actions('100px', (issuer) =>
      issuer.status === 'active' ? (
        <ActButton
          needs="DELETE /v1/workload-issuers/:issuer"
          variant="default"
          size="compact-xs"
          aria-label={`Remove ${issuer.name}`}
          onClick={() => setAct(issuer)}
        >
          Remove
        </ActButton>
      ) : null,
    ),
  ];
  const close = () => setAct(undefined);
  return (
    <div className="stack">
      <div className="spread">
        <p className="muted">
          A platform that runs agents vouches for them: what runs there proves itself with the platform&rsquo;s own
          tokens. It is an agent only by a rule among that agent&rsquo;s credentials.
        </p>
        <ActButton
          needs="POST /v1/workload-issuers"
          style={{ flexShrink: 0 }}
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={() => setAct('add')}
        >
          Add an issuer
        </ActButton>
      </div>
      {error === null ? (
        <DataTable
          label="Workload issuers"
          columns={columns}
          rows={data}
          rowKey={({ id }) => id}
          empty={
            <Empty title="Nobody vouches for workloads">
              GitHub Actions, Kubernetes clusters, SPIFFE trust domains, and others that speak OpenID Connect.
            </Empty>
          }
        />
      ) : (
        <ErrorNotice error={error} retry={() => void refetch()} />
      )}
      {act === 'add' ? <AddDialog onClose={close} /> : null}
      {act === undefined || act === 'add' ? null : <RemoveDialog issuer={act} onClose={close} />}
    </div>
  );
}

const KINDS = (['github', 'kubernetes', 'spiffe', 'oidc'] as const).map((value) => ({
  value,
  label: ISSUER_KINDS[value].label,
}));

function AddDialog({ onClose }: { readonly onClose: () => void }) {
  const [kind, setKind] = useState<IssuerKind>('github');
  const [name, setName] = useState('');
  const [issuer, setIssuer] = useState(ISSUER_KINDS.github.issuer);
  const [keys, setKeys] = useState(ISSUER_KINDS.github.keys);
  const pasted = keys.trim().startsWith('{') ? readKeys(keys) : undefined;
  const isBroken = keys.trim().startsWith('{') && pasted === undefined;
  const add = useWrite({
    write: () =>
      send<WorkloadIssuer>('POST', '/v1/workload-issuers', {
        name: name.trim(),
        kind,
        issuer: issuer.trim(),
        ...(pasted === undefined ? { jwks_url: keys.trim() } : { jwks: pasted }),
      }),
    changes: ['credentials'],
    done: (added) => `${added.name} vouches for workloads.`,
    onDone: onClose,
  });
  const isReady = name.trim() !== '' && issuer.trim() !== '' && keys.trim() !== '' && !isBroken;
  const help = ISSUER_KINDS[kind];
  function choose(next: IssuerKind): void {
    setKind(next);
    setIssuer(ISSUER_KINDS[next].issuer);
    setKeys(ISSUER_KINDS[next].keys);
  }
  return (
    <Modal
      opened
      onClose={onClose}
      title="Add a workload issuer"
      size={560}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady && !add.isPending) add.mutate(undefined);
        }}
      >
        <Select
          label="Platform"
          data={KINDS}
          allowDeselect={false}
          value={kind}
          onChange={(next) => choose(next ?? kind)}
        />
        <TextInput
          label="Name"
          placeholder="github"
          withAsterisk
          autoComplete="off"
          maxLength={100}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <TextInput
          label="Issuer"
          description={help.issuerHelp}
          withAsterisk
          spellCheck={false}
          value={issuer}
          onChange={(event) => setIssuer(event.currentTarget.value)}
        />
        <Textarea
          label="Keys"
          description={`${help.keysHelp} An address, or a JWK set.`}
          withAsterisk
          autosize
          minRows={2}
          maxRows={8}
          spellCheck={false}
          value={keys}
          onChange={(event) => setKeys(event.currentTarget.value)}
          error={isBroken ? 'That is no JWK set.' : undefined}
        />
        {add.isError ? <ErrorNotice error={add.error} /> : null}
        <Button type="submit" disabled={!isReady} loading={add.isPending}>
          Add issuer
        </Button>
      </form>
    </Modal>
  );
}

function readKeys(text: string): unknown {
  try {
    const read: unknown = JSON.parse(text);
    return isJsonObject(read) && Array.isArray(read.keys) ? read : undefined;
  } catch {
    return undefined;
  }
}

function RemoveDialog({ issuer, onClose }: { readonly issuer: WorkloadIssuer; readonly onClose: () => void }) {
  const remove = useWrite({
    write: () => send<WorkloadIssuer>('DELETE', at`/v1/workload-issuers/${issuer.id}`),
    changes: ['credentials', 'agents'],
    done: ({ name }) => `${name} vouches for nobody any more.`,
    onDone: onClose,
  });
  return (
    <Confirm
      title={`Remove ${issuer.name}`}
      action="Remove"
      danger
      word={issuer.rules === 0 ? undefined : issuer.name}
      pending={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate(undefined)}
      onClose={onClose}
    >
      {plural(issuer.rules, 'rule')} that refer to it end, with the access tokens that were given for them.
    </Confirm>
  );
}
