import { Button, Modal, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Credential } from '../../../api/agent-types.ts';
import { at, send } from '../../../api/client.ts';
import type { Agent } from '../../../api/types.ts';
import { useWrite } from '../../../app/write.ts';
import { ErrorNotice } from '../../../ui/Notice.tsx';
import { CommonFields, commonBody, NEW } from './CommonFields.tsx';
import { readPublicKeyText } from './public-key-text.ts';

/** Registers the public half of a key pair of the agent (private_key_jwt). */
export function AddKey({ agent, onClose }: { readonly agent: Agent; readonly onClose: () => void }) {
  const [common, setCommon] = useState(NEW);
  const [text, setText] = useState('');
  const { data: read } = useQuery({
    queryKey: ['public key', text],
    queryFn: () => readPublicKeyText(text),
    enabled: text.trim() !== '',
  });
  const jwk = read !== undefined && 'jwk' in read ? read.jwk : undefined;
  const add = useWrite({
    write: () =>
      send<Credential>('POST', at`/v1/agents/${agent.id}/credentials`, { kind: 'key', ...commonBody(common), jwk }),
    changes: ['credentials', 'agents'],
    done: ({ key }) => `The key ${key?.thumbprint.slice(0, 12)}… is registered.`,
    onDone: onClose,
  });
  return (
    <Modal
      opened
      onClose={onClose}
      title={`Register a public key for ${agent.name}`}
      size={560}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (jwk !== undefined && !add.isPending) add.mutate(undefined);
        }}
      >
        <p className="muted">
          The agent makes the pair, keeps the private half, and signs for its access tokens at <code>/oauth/token</code>
          . Nothing that could leak is kept here.
        </p>
        <Textarea
          label="Public key"
          description="A JWK, or PEM: EC P-256, P-384, P-521, Ed25519, or RSA of 2048 bits and more."
          placeholder={'-----BEGIN PUBLIC KEY-----\n…'}
          withAsterisk
          data-autofocus
          autosize
          minRows={5}
          maxRows={12}
          spellCheck={false}
          styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          error={read !== undefined && 'fault' in read ? read.fault : undefined}
        />
        <CommonFields agent={agent} value={common} onChange={setCommon} />
        {add.isError ? <ErrorNotice error={add.error} /> : null}
        <Button type="submit" disabled={jwk === undefined} loading={add.isPending}>
          Register
        </Button>
      </form>
    </Modal>
  );
}
