import type { NewTieOut, TieOutSource } from '@hivekey/sdk';
import { FileInput, Select, TextInput } from '@mantine/core';
import { useState } from 'react';
import { type Days, instants, PeriodFields } from '../../ui/Period.tsx';
import { ReasonForm } from '../../ui/ReasonForm.tsx';

type Kind = TieOutSource['kind'];

const KINDS: Readonly<Record<Kind, string>> = {
  csv: 'Any CSV: say which columns',
  stripe_csv: 'Stripe: balance transactions, CSV',
  sendgrid_csv: 'SendGrid: e-mail activity, CSV',
  postmark_csv: 'Postmark: messages, CSV',
  stripe: 'Stripe: by its API',
  sendgrid: 'SendGrid: by its API',
  postmark: 'Postmark: by its API',
};

const isApi = (kind: Kind): kind is 'stripe' | 'sendgrid' | 'postmark' =>
  kind === 'stripe' || kind === 'sendgrid' || kind === 'postmark';

/** A tool's own list of what it did, from a file or its API. */
export function ImportDialog({ days: first, onClose }: { readonly days: Days; readonly onClose: () => void }) {
  const [days, setDays] = useState(first);
  const [tool, setTool] = useState('');
  const [kind, setKind] = useState<Kind>('stripe_csv');
  const [file, setFile] = useState<{ readonly name: string; readonly content: string }>();
  const [credential, setCredential] = useState('');
  const [columns, setColumns] = useState({ time: '', reference: '', amount: '', currency: '' });
  const source: TieOutSource | undefined = isApi(kind)
    ? credential.trim() === ''
      ? undefined
      : { kind, credential: credential.trim() }
    : file === undefined
      ? undefined
      : kind === 'csv'
        ? { kind, file: file.name, content: file.content, mapping: mappingOf(columns) }
        : { kind, file: file.name, content: file.content };
  const body: NewTieOut | undefined =
    source === undefined || tool.trim() === '' ? undefined : { tool: tool.trim(), ...instants(days), source };
  return (
    <ReasonForm
      title="Import a tool’s list"
      action="Import and compare"
      needs="POST /v1/tie-outs"
      to="/v1/tie-outs"
      body={body === undefined ? undefined : { ...body }}
      done="Imported and compared"
      reason="optional"
      changes={['evidence']}
      onClose={onClose}
    >
      <PeriodFields value={days} onChange={setDays} />
      <TextInput
        label="Tool"
        description="The first part of its capabilities: payments of payments.transfer."
        value={tool}
        withAsterisk
        onChange={(event) => setTool(event.currentTarget.value)}
      />
      <Select
        label="Where the list comes from"
        allowDeselect={false}
        data={Object.entries(KINDS).map(([value, label]) => ({ value, label }))}
        value={kind}
        onChange={(next) => setKind(Object.keys(KINDS).find((each): each is Kind => each === next) ?? kind)}
      />
      {isApi(kind) ? (
        <TextInput
          label="Credential"
          description="As it is kept here: vault://name."
          value={credential}
          withAsterisk
          onChange={(event) => setCredential(event.currentTarget.value)}
        />
      ) : (
        <FileInput
          label="File"
          accept=".csv,text/csv"
          placeholder="Choose a CSV"
          withAsterisk
          onChange={async (next) =>
            setFile(next === null ? undefined : { name: next.name, content: await next.text() })
          }
        />
      )}
      {kind === 'csv' ? (
        <div className="row-wrap">
          {(['time', 'reference', 'amount', 'currency'] as const).map((name) => (
            <TextInput
              key={name}
              label={`Column of the ${name}`}
              w={225}
              value={columns[name]}
              onChange={(event) => {
                const { value } = event.currentTarget;
                setColumns((old) => ({ ...old, [name]: value }));
              }}
            />
          ))}
        </div>
      ) : null}
    </ReasonForm>
  );
}

function mappingOf(columns: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(columns).filter(([, column]) => column.trim() !== ''));
}
