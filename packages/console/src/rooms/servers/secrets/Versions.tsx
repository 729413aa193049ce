import { Button, Modal, Select } from '@mantine/core';
import { useState } from 'react';
import type { StoredSecret } from '../../../api/agent-types.ts';
import { at, send } from '../../../api/client.ts';
import { useWrite } from '../../../app/write.ts';
import { ActButton } from '../../../ui/ActButton.tsx';
import { Confirm } from '../../../ui/Confirm.tsx';
import { actions, type Column, DataTable, TwoLines } from '../../../ui/DataTable.tsx';
import { actorWords } from '../../../ui/format.ts';
import { ErrorNotice } from '../../../ui/Notice.tsx';
import { Section } from '../../../ui/Page.tsx';
import { Time } from '../../../ui/Time.tsx';
import { StatusMark } from '../../../ui/Verdict.tsx';
import { OVERLAPS } from './StoreSecret.tsx';

type Version = StoredSecret['versions'][number];
type Act = { readonly kind: 'promote' | 'retire'; readonly version: Version };

const COLUMNS: readonly Column<Version>[] = [
  {
    key: 'version',
    header: 'Version',
    width: '96px',
    cell: ({ version, last4 }) => (
      <>
        <span className="num">{version}</span> <span className="mono muted">…{last4}</span>
      </>
    ),
  },
  { key: 'state', header: 'State', width: '118px', cell: ({ state }) => <StatusMark status={state} /> },
  {
    key: 'set',
    header: 'Set',
    cell: ({ created, created_by, key }) => (
      <TwoLines first={<Time value={created} />} second={`by ${actorWords(created_by)}, under ${key}`} />
    ),
  },
  {
    key: 'ends',
    header: 'Ends',
    width: '140px',
    cell: ({ expires, retires }) =>
      retires === null ? (
        <Time value={expires} absent="not stated" />
      ) : (
        <TwoLines first={<Time value={retires} />} second="erased then" />
      ),
  },
];

/** Of one credential, the newest first: what is used, what is to be, what can be taken back. */
export function Versions({ secret }: { readonly secret: StoredSecret }) {
  const [act, setAct] = useState<Act>();
  const columns: readonly Column<Version>[] = [
    ...COLUMNS,
    actions('190px', (version) =>
      version.state === 'staged' || version.state === 'previous' ? (
        <>
          <ActButton
            needs="POST /v1/secrets/:name/versions/:version/promote"
            variant="default"
            size="compact-xs"
            aria-label={`${version.state === 'staged' ? 'Promote' : 'Take back'} version ${version.version}`}
            onClick={() => setAct({ kind: 'promote', version })}
          >
            {version.state === 'staged' ? 'Promote' : 'Take back'}
          </ActButton>
          <ActButton
            needs="POST /v1/secrets/:name/versions/:version/retire"
            variant="default"
            size="compact-xs"
            aria-label={`Erase version ${version.version}`}
            onClick={() => setAct({ kind: 'retire', version })}
          >
            Erase
          </ActButton>
        </>
      ) : null,
    ),
  ];
  return (
    <Section title="Versions">
      <DataTable label="Versions" columns={columns} rows={secret.versions} rowKey={({ version }) => String(version)} />
      {act?.kind === 'promote' ? (
        <PromoteDialog secret={secret} version={act.version} onClose={() => setAct(undefined)} />
      ) : null}
      {act?.kind === 'retire' ? (
        <RetireDialog secret={secret} version={act.version} onClose={() => setAct(undefined)} />
      ) : null}
    </Section>
  );
}

interface About {
  readonly secret: StoredSecret;
  readonly version: Version;
  readonly onClose: () => void;
}

function PromoteDialog({ secret, version, onClose }: About) {
  const [overlap, setOverlap] = useState('86400');
  const promote = useWrite({
    write: () =>
      send<StoredSecret>('POST', at`/v1/secrets/${secret.name}/versions/${String(version.version)}/promote`, {
        overlap_seconds: Number(overlap),
      }),
    changes: ['secrets', 'servers'],
    done: ({ name }) => `Version ${version.version} of ${name} is used from now on.`,
    onDone: onClose,
  });
  return (
    <Modal
      opened
      onClose={onClose}
      title={`Use version ${version.version} of ${secret.name}`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!promote.isPending) promote.mutate(undefined);
        }}
      >
        <Select
          label="The version that is used now"
          data={OVERLAPS}
          allowDeselect={false}
          value={overlap}
          onChange={(next) => setOverlap(next ?? overlap)}
        />
        {promote.isError ? <ErrorNotice error={promote.error} /> : null}
        <Button type="submit" loading={promote.isPending}>
          Use it
        </Button>
      </form>
    </Modal>
  );
}

function RetireDialog({ secret, version, onClose }: About) {
  const retire = useWrite({
    write: () =>
      send<StoredSecret>('POST', at`/v1/secrets/${secret.name}/versions/${String(version.version)}/retire`, {}),
    changes: ['secrets'],
    done: () => `Version ${version.version} is erased.`,
    onDone: onClose,
  });
  return (
    <Confirm
      title={`Erase version ${version.version} of ${secret.name}`}
      action="Erase"
      danger
      pending={retire.isPending}
      error={retire.error}
      onConfirm={() => retire.mutate(undefined)}
      onClose={onClose}
    >
      Its value is gone then. Requests under way with it end as they end.
    </Confirm>
  );
}
