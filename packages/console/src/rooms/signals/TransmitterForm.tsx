import { Modal, NumberInput, TextInput } from '@mantine/core';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { isRecord } from '../../api/problem.ts';
import type { RiskTransmitter } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { CodeField } from '../../ui/CodeField.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';

const HOUR_SECONDS = 3_600;

export function TransmitterForm({
  transmitter,
  onClose,
}: {
  /** The one that is changed; undefined: a new one. */
  readonly transmitter: RiskTransmitter | undefined;
  readonly onClose: () => void;
}) {
  const [name, setName] = useState(transmitter?.name ?? '');
  const [issuer, setIssuer] = useState(transmitter?.issuer ?? '');
  const [audience, setAudience] = useState(transmitter?.audience ?? location.origin);
  const [hours, setHours] = useState<number | string>((transmitter?.lasts_seconds ?? 86_400) / HOUR_SECONDS);
  const [keys, setKeys] = useState(JSON.stringify(transmitter?.jwks ?? { keys: [] }, null, 2));
  const jwks = readKeys(keys);
  const write = useWrite({
    write: (body: object) => send<RiskTransmitter>('PUT', at`/v1/risk-transmitters/${name.trim()}`, body),
    changes: ['transmitters'],
    done: (made) => `${made.name} may push signals.`,
    onDone: onClose,
  });
  const isReady =
    name.trim() !== '' &&
    issuer.trim() !== '' &&
    audience.trim() !== '' &&
    jwks !== undefined &&
    typeof hours === 'number';
  return (
    <Modal
      opened
      onClose={onClose}
      title={transmitter === undefined ? 'New transmitter' : `Edit ${transmitter.name}`}
      size={560}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!isReady || write.isPending) return;
          write.mutate({
            issuer: issuer.trim(),
            audience: audience.trim(),
            jwks,
            lasts_seconds: Math.round(hours * HOUR_SECONDS),
          });
        }}
      >
        {transmitter === undefined ? (
          <TextInput
            label="Name"
            placeholder="edr"
            withAsterisk
            data-autofocus
            autoComplete="off"
            spellCheck={false}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
        ) : null}
        <TextInput
          label="Issuer"
          description="The iss of its tokens."
          placeholder="https://detector.acme.example"
          withAsterisk
          spellCheck={false}
          value={issuer}
          onChange={(event) => setIssuer(event.currentTarget.value)}
        />
        <TextInput
          label="Audience"
          description="The aud of its tokens."
          withAsterisk
          spellCheck={false}
          value={audience}
          onChange={(event) => setAudience(event.currentTarget.value)}
        />
        <NumberInput
          label="A signal counts for, in hours"
          min={0.1}
          decimalScale={2}
          value={hours}
          onChange={setHours}
        />
        <CodeField
          label="Public keys, as a JSON Web Key Set"
          value={keys}
          onChange={setKeys}
          rows={9}
          problems={jwks === undefined ? [{ code: 'json_invalid', message: 'This is no JSON object.' }] : []}
        />
        {jwks === undefined ? <p className="muted">The keys cannot be read: this is no JSON object.</p> : null}
        {write.isError ? <ErrorNotice error={write.error} /> : null}
        <ActButton needs="PUT /v1/risk-transmitters/:name" type="submit" disabled={!isReady} loading={write.isPending}>
          {transmitter === undefined ? 'Let it push' : 'Save'}
        </ActButton>
      </form>
    </Modal>
  );
}

function readKeys(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
