import { Button, Modal, Select, Textarea, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { workloadIssuersQuery } from '../../../api/agent-queries.ts';
import type { Credential } from '../../../api/agent-types.ts';
import { at, send } from '../../../api/client.ts';
import type { Agent, JsonObject } from '../../../api/types.ts';
import { useWrite } from '../../../app/write.ts';
import { ErrorNotice } from '../../../ui/Notice.tsx';
import { CommonFields, commonBody, NEW } from './CommonFields.tsx';
import { CLAIM_FIELDS, claimsOf, isJsonObject } from './claims.ts';
import { ISSUER_KINDS } from './issuer-kinds.ts';

/** A rule by which a workload of the company's own platforms is the agent. */
export function AddFederation({ agent, onClose }: { readonly agent: Agent; readonly onClose: () => void }) {
  const { data, error } = useQuery(workloadIssuersQuery);
  const issuers = data?.filter(({ status }) => status === 'active');
  const [common, setCommon] = useState(NEW);
  const [issuerId, setIssuerId] = useState<string | null>(null);
  const [values, setValues] = useState<Readonly<Record<string, string>>>({});
  const [more, setMore] = useState('');
  const issuer = issuers?.find(({ id }) => id === issuerId);
  const fields = issuer === undefined ? [] : CLAIM_FIELDS[issuer.kind];
  const extra = readMore(more);
  const isComplete = fields.every(({ path, required }) => !required || (values[path.join('.')] ?? '').trim() !== '');
  const add = useWrite({
    write: () =>
      send<Credential>('POST', at`/v1/agents/${agent.id}/credentials`, {
        kind: 'federation',
        ...commonBody(common),
        issuer: issuer?.id,
        claims: issuer === undefined ? {} : claimsOf(issuer.kind, values, extra ?? {}),
      }),
    changes: ['credentials', 'agents'],
    done: () => `The workload is ${agent.name} from now on.`,
    onDone: onClose,
  });
  const isReady = issuer !== undefined && extra !== undefined && isComplete;
  return (
    <Modal
      opened
      onClose={onClose}
      title={`Trust a workload as ${agent.name}`}
      size={560}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {issuers?.length === 0 ? (
        <p>
          Nobody vouches for workloads here yet.{' '}
          <Link to="/agents" search={{ tab: 'issuers' }}>
            Add an issuer
          </Link>{' '}
          first: GitHub Actions, a Kubernetes cluster, a SPIFFE trust domain, or another that speaks OpenID Connect.
        </p>
      ) : (
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault();
            if (isReady && !add.isPending) add.mutate(undefined);
          }}
        >
          <Select
            label="Issuer"
            withAsterisk
            data={(issuers ?? []).map(({ id, name, kind }) => ({
              value: id,
              label: `${name}, ${ISSUER_KINDS[kind].label}`,
            }))}
            value={issuerId}
            onChange={setIssuerId}
          />
          {issuer === undefined ? null : (
            <p className="muted">
              Its tokens are asked for with the audience <code>{issuer.audience}</code>. Values are compared exactly;
              there are no patterns.
            </p>
          )}
          {fields.map(({ path, label, description, placeholder, required }) => (
            <TextInput
              key={path.join('.')}
              label={label}
              {...(description === undefined ? {} : { description })}
              placeholder={placeholder}
              withAsterisk={required}
              spellCheck={false}
              autoComplete="off"
              value={values[path.join('.')] ?? ''}
              onChange={(event) => setValues({ ...values, [path.join('.')]: event.currentTarget.value })}
            />
          ))}
          {issuer === undefined ? null : (
            <Textarea
              label="More claims"
              description="A JSON object of what the token must have besides."
              placeholder='{"job_workflow_ref": "acme/agents/.github/workflows/run.yml@refs/heads/main"}'
              autosize
              minRows={2}
              spellCheck={false}
              value={more}
              onChange={(event) => setMore(event.currentTarget.value)}
              error={extra === undefined ? 'That is no JSON object.' : undefined}
            />
          )}
          <CommonFields agent={agent} value={common} onChange={setCommon} />
          {error === null ? null : <ErrorNotice error={error} />}
          {add.isError ? <ErrorNotice error={add.error} /> : null}
          <Button type="submit" disabled={!isReady} loading={add.isPending}>
            Trust it
          </Button>
        </form>
      )}
    </Modal>
  );
}

/** Undefined for what is no JSON object. */
function readMore(text: string): JsonObject | undefined {
  if (text.trim() === '') return {};
  try {
    const read: unknown = JSON.parse(text);
    return isJsonObject(read) ? read : undefined;
  } catch {
    return undefined;
  }
}
