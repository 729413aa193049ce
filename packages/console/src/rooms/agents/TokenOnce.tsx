import { SegmentedControl } from '@mantine/core';
import { useState } from 'react';
import { CodeBlock } from '../../ui/Copy.tsx';
import { ShownOnce } from '../../ui/Notice.tsx';

const FORMS = ['MCP config', 'Environment', 'curl'] as const;
type Form = (typeof FORMS)[number];

/** A token in the one answer that shows it, ready to paste into what will use it. */
export function TokenOnce({ token }: { readonly token: string }) {
  const [form, setForm] = useState<Form>('MCP config');
  return (
    <div className="stack">
      <ShownOnce>Copy the token now. It is shown this once and stored only as a hash.</ShownOnce>
      <CodeBlock code={token} what="token" wrap />
      <div className="stack-tight">
        <div className="spread">
          <h3>Connect with it</h3>
          <SegmentedControl
            data={[...FORMS]}
            value={form}
            onChange={(next) => setForm(next as Form)}
            aria-label="Form"
          />
        </div>
        <CodeBlock code={snippet(form, token, location.origin)} what={form} />
      </div>
    </div>
  );
}

function snippet(form: Form, token: string, origin: string): string {
  switch (form) {
    case 'MCP config':
      return JSON.stringify(
        {
          mcpServers: {
            hivekey: { type: 'http', url: `${origin}/mcp`, headers: { Authorization: `Bearer ${token}` } },
          },
        },
        null,
        2,
      );
    case 'Environment':
      return `HIVEKEY_MCP_URL=${origin}/mcp\nHIVEKEY_TOKEN=${token}`;
    case 'curl':
      return `curl ${origin}/v1/actions/capabilities \\\n  -H "Authorization: Bearer ${token}"`;
  }
}
