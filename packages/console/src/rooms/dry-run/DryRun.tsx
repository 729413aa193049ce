import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { send } from '../../api/client.ts';
import { capabilitiesQuery } from '../../api/queries.ts';
import type { Decision, Problem } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { CodeField } from '../../ui/CodeField.tsx';
import { Identifier } from '../../ui/Copy.tsx';
import { duration, impactWords } from '../../ui/format.ts';
import { ErrorNotice, Problems } from '../../ui/Notice.tsx';
import { Facts, Page, Panel } from '../../ui/Page.tsx';
import { AgentPicker, CapabilityPicker } from '../../ui/Pickers.tsx';
import { Trace } from '../../ui/Trace.tsx';
import { VerdictMark } from '../../ui/Verdict.tsx';
import classes from './dry-run.module.css';
import { exampleOf } from './example.ts';
import { jsonFault } from './json-fault.ts';

const route = getRouteApi('/in/dry-run');

export function DryRun() {
  const { agent, action } = route.useSearch();
  const navigate = route.useNavigate();
  const [text, setText] = useState('{}');
  const [problems, setProblems] = useState<readonly Problem[]>([]);
  const { data: capabilities = [] } = useQuery(capabilitiesQuery);
  const schema = capabilities.find(({ name }) => name === action)?.input_schema ?? undefined;
  const evaluate = useWrite({
    write: (args: unknown) => send<Decision>('POST', '/v1/policies/evaluate', { agent, action, arguments: args }),
    changes: [],
  });
  function change(next: string): void {
    setText(next);
    setProblems([]);
  }
  function submit(event: FormEvent): void {
    event.preventDefault();
    const read = jsonFault(text);
    setProblems(read.ok ? [] : [read.problem]);
    if (read.ok) evaluate.mutate(read.value);
  }
  return (
    <Page
      title="Dry run"
      description="What would be decided now, on the live state. Nothing is sent upstream and no window is charged."
    >
      <div className={classes.columns}>
        <form className="stack" onSubmit={submit}>
          <AgentPicker
            label="Agent"
            required
            value={agent}
            onChange={(next) => navigate({ search: (old) => ({ ...old, agent: next }), replace: true })}
          />
          <CapabilityPicker
            label="Action"
            required
            description="A capability. One that does not exist is decided too."
            placeholder="payments.pay"
            value={action}
            onChange={(next) => navigate({ search: (old) => ({ ...old, action: next }), replace: true })}
          />
          <CodeField label="Arguments (JSON)" value={text} onChange={change} problems={problems} rows={10} />
          <Problems problems={problems} />
          <div className="row">
            <Button type="submit" loading={evaluate.isPending} disabled={agent === undefined || action === undefined}>
              Decide
            </Button>
            {schema === undefined ? null : (
              <Button variant="default" onClick={() => change(JSON.stringify(exampleOf(schema), null, 2))}>
                Fill in from its schema
              </Button>
            )}
          </div>
        </form>
        <div aria-live="polite">
          {evaluate.isError ? <ErrorNotice error={evaluate.error} /> : null}
          {evaluate.data === undefined ? (
            evaluate.isError ? null : (
              <p className="muted">The decision and every rule it went through appear here.</p>
            )
          ) : (
            <DecisionView decision={evaluate.data} />
          )}
        </div>
      </div>
    </Page>
  );
}

function DecisionView({ decision }: { readonly decision: Decision }) {
  const impact = Object.entries(decision.impact);
  return (
    <Panel>
      <div className="stack" data-testid="decision">
        <div className="row-wrap">
          <VerdictMark verdict={decision.verdict} reasonClass={decision.reason_class} />
          <strong>{decision.reason}</strong>
        </div>
        <Facts
          facts={[
            ['Rule', decision.rule],
            [
              'Granted by',
              decision.role === null ? null : (
                <Link key="role" to="/roles/$role" params={{ role: decision.role }}>
                  {decision.role}
                  {decision.role_revision === null ? '' : ` · rev ${decision.role_revision}`}
                </Link>
              ),
            ],
            ['Impact', impact.map(([unit, amount]) => impactWords(unit, amount)).join(', ')],
            ['Units still free', decision.remaining === null ? null : String(decision.remaining)],
            ['Fits in', decision.retry_after_seconds === null ? null : duration(decision.retry_after_seconds)],
            [
              'Policy',
              <Link key="policy" to="/policy/$revision" params={{ revision: String(decision.policy_revision) }}>
                revision {decision.policy_revision}
              </Link>,
            ],
            ['Hash', <Identifier key="hash" value={decision.policy} what="policy hash" />],
          ]}
        />
        <Trace steps={decision.trace} />
      </div>
    </Panel>
  );
}
