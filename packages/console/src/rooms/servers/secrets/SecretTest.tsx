import type { StoredSecret, SecretTest as Tested } from '../../../api/agent-types.ts';
import { at, send } from '../../../api/client.ts';
import { useWrite } from '../../../app/write.ts';
import { ActButton } from '../../../ui/ActButton.tsx';
import { ErrorNotice } from '../../../ui/Notice.tsx';
import { Panel, Section } from '../../../ui/Page.tsx';
import { Mark } from '../../../ui/Verdict.tsx';
import classes from '../servers.module.css';

const STATES = {
  ok: { tone: 'allow', words: 'took it' },
  failed: { tone: 'deny', words: 'failed' },
  not_tried: { tone: 'neutral', words: 'not tried' },
} as const;

/** Opens versions, and shakes hands with what uses them. */
export function SecretTest({ secret }: { readonly secret: StoredSecret }) {
  const test = useWrite({
    write: (version: number) => send<Tested>('POST', at`/v1/secrets/${secret.name}/test`, { version }),
    changes: [],
  });
  const tested = secret.versions.filter(({ state }) => state !== 'retired');
  return (
    <Panel>
      <Section title="Test">
        <div className="stack-tight">
          <p className="muted">Opens a version with its key, and shakes hands with what uses it.</p>
          <div className="row-wrap">
            {tested.map(({ version, state }) => (
              <ActButton
                key={version}
                needs="POST /v1/secrets/:name/test"
                variant="default"
                size="compact-sm"
                loading={test.isPending && test.variables === version}
                onClick={() => test.mutate(version)}
              >
                Test version {version}, {state}
              </ActButton>
            ))}
          </div>
          {test.isError ? <ErrorNotice error={test.error} /> : null}
          {test.data === undefined ? null : <Outcome test={test.data} />}
        </div>
      </Section>
    </Panel>
  );
}

function Outcome({ test: { version, opened, error, connections } }: { readonly test: Tested }) {
  return (
    <div className="stack-tight" role="status">
      <p className="row-wrap">
        <Mark tone={opened ? 'allow' : 'deny'}>{opened ? 'opened' : 'not opened'}</Mark> version {version}
      </p>
      {error === null ? null : <p>{error}</p>}
      <ul className={classes.tried}>
        {connections.map(({ kind, name, state, error: problem }) => (
          <li key={`${kind} ${name}`}>
            <span className="row-wrap">
              <Mark tone={STATES[state].tone}>{STATES[state].words}</Mark> {name}
            </span>
            {problem === null ? null : <p className="muted">{problem}</p>}
          </li>
        ))}
      </ul>
    </div>
  );
}
