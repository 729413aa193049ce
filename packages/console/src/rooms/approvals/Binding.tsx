import { IconCheck } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import type { FullApproval } from '../../api/types.ts';
import { CodeBlock, Identifier } from '../../ui/Copy.tsx';
import { Facts, Section } from '../../ui/Page.tsx';
import classes from './approvals.module.css';
import { useBindingCheck } from './use-binding-check.ts';

/** What an approval is for; when one of these differs at the release, the call does not run. */
export function Binding({ approval }: { readonly approval: FullApproval }) {
  const { binding, hash, view } = approval;
  const { policy_revision, policy, applied_policy, definition_pin, args, request, target, token_id } = binding;
  return (
    <Section title="What binds">
      <Checked approval={approval} />
      <Facts
        facts={[
          ['Hash', <Identifier key="hash" value={hash} what="hash" />],
          ['View', <Identifier key="view" value={binding.view} what="digest of the view" />],
          ['Arguments', <Identifier key="args" value={args} what="digest of the arguments" />],
          ['Request', <Identifier key="request" value={request} what="digest of the request" />],
          [
            'Policy',
            <span key="policy">
              <Link to="/policy/$revision" params={{ revision: String(policy_revision) }}>
                revision {policy_revision}
              </Link>{' '}
              <Identifier value={policy} what="policy hash" />
            </span>,
          ],
          ['Applied policy', <Identifier key="applied" value={applied_policy} what="digest of the applied policy" />],
          [
            'Definition pin',
            definition_pin === null ? (
              <span key="none" className="muted">
                none: the tool is not one of an MCP server
              </span>
            ) : (
              <Identifier key="pin" value={definition_pin} what="definition pin" />
            ),
          ],
          [
            'Server',
            target === null ? null : (
              <Identifier key="target" value={target.settings} what="digest of the server's settings" />
            ),
          ],
          ['Credential', target?.credential],
          ['Token', token_id],
        ]}
      />
      <details className={classes.whole}>
        <summary>The view that deciders are shown, whole</summary>
        <CodeBlock code={JSON.stringify(view, null, 2)} what="view" wrap />
      </details>
    </Section>
  );
}

function Checked({ approval }: { readonly approval: FullApproval }) {
  const check = useBindingCheck(approval);
  switch (check.state) {
    case 'checking':
      return <p className="muted">Computing the digests…</p>;
    case 'fits':
      return (
        <p className={`row ${classes.fits}`}>
          <IconCheck size={14} aria-hidden />
          Computed in this browser: the view has the digest that is bound, and what is bound has the hash.
        </p>
      );
    case 'unavailable':
      return (
        <p className="muted">
          This browser offers no cryptography on an address without TLS, so the digests are not computed here.
        </p>
      );
    case 'differs':
      return (
        <p role="alert" className={classes.differs}>
          {check.fault} Do not approve it.
        </p>
      );
  }
}
