import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { PreviewDirection, PreviewDocument, RadiusMove } from '../../api/change-types.ts';
import { DataTable } from '../../ui/DataTable.tsx';
import { count, plural } from '../../ui/format.ts';
import { Scrolled } from '../../ui/Scrolled.tsx';
import { Mark, VerdictMark } from '../../ui/Verdict.tsx';
import { horizonWords, unitWords } from '../blast-radius/words.ts';
import { Findings } from '../roles/Findings.tsx';
import classes from './changes.module.css';
import { objectWords } from './words.ts';

const DIRECTIONS: Readonly<
  Record<PreviewDirection, { readonly tone: 'allow' | 'deny' | 'review' | 'neutral'; readonly word: string }>
> = {
  widens: { tone: 'deny', word: 'widens' },
  changes: { tone: 'review', word: 'changes' },
  narrows: { tone: 'allow', word: 'narrows' },
  neutral: { tone: 'neutral', word: 'decides the same' },
};

/** A preview from the words to the numbers. What is empty is left out, apart from what a reviewer would look for. */
export function PreviewDocumentView({ document }: { readonly document: PreviewDocument }) {
  const { differences, summary, agents, matrix, tools, lint, misfits, tests, blast_radius, replay, objects } = document;
  const radius = blast_radius.named.flatMap(({ name, kind, numbers }) =>
    numbers.map((number) => ({
      key: `${kind} ${name} ${number.unit} ${number.horizon} ${number.line}`,
      name,
      kind,
      ...number,
    })),
  );
  return (
    <div className="stack">
      <ul className={classes.sentences} aria-label="Differences in words">
        {(differences.length > 0
          ? differences
          : summary.map((sentence) => ({ sentence, direction: document.direction }))
        ).map(({ sentence, direction }) => (
          <li key={`${direction} ${sentence}`}>
            <Mark tone={DIRECTIONS[direction].tone}>{DIRECTIONS[direction].word}</Mark>
            <span>{sentence}</span>
          </li>
        ))}
      </ul>

      <Part title={`Applies to ${plural(agents.count, 'agent')}`}>
        {agents.named.length === 0 ? null : (
          <ul className={classes.agents} aria-label="Agents">
            {agents.named.map(({ id, name, owner }) => (
              <li key={id} className={classes.agent}>
                <Link to="/agents/$agent" params={{ agent: name }}>
                  {name}
                </Link>
                <span className="muted">{owner}</span>
              </li>
            ))}
            {agents.count > agents.named.length ? <li>and {count(agents.count - agents.named.length)} more</li> : null}
          </ul>
        )}
      </Part>

      <Part title={radius.length === 0 ? 'The worst case stays as it is' : 'The worst case, before and after'}>
        {radius.length === 0 ? null : (
          <>
            <RadiusTable label="Worst case in 24 h, before and after" rows={radius.filter(isOfDay)} />
            {radius.every(isOfDay) ? null : (
              <details>
                <summary>Other times, and where the gateway is passed by</summary>
                <RadiusTable label="Worst case at other times" rows={radius.filter((each) => !isOfDay(each))} />
              </details>
            )}
          </>
        )}
      </Part>

      <Part
        title={
          replay === null
            ? 'The log was not replayed'
            : replay.changed === 0
              ? `No call of the last ${replay.days} days would go otherwise`
              : `${plural(replay.changed, 'call')} of ${count(replay.calls)} in ${replay.days} days would go otherwise`
        }
      >
        {replay === null ? null : (
          <>
            <p className="muted">{replay.coverage}</p>
            {replay.by.map(({ before, after, rule, calls }) => (
              <p key={`${before} ${after} ${rule}`} className="row-wrap">
                {plural(calls, 'call')}: <VerdictMark verdict={before} /> → <VerdictMark verdict={after} />
                {rule === null ? null : <span className="muted">by {rule}</span>}
              </p>
            ))}
            {replay.changes.length === 0 ? null : (
              <DataTable
                label="Calls that would go otherwise"
                rows={replay.changes.slice(0, 20)}
                rowKey={({ event_id }) => event_id}
                columns={[
                  {
                    key: 'call',
                    header: 'Call',
                    cell: ({ event_id, action }) => (
                      <Link to="/log" search={{ event: event_id }}>
                        {action}
                      </Link>
                    ),
                  },
                  { key: 'agent', header: 'Agent', cell: ({ agent }) => agent },
                  {
                    key: 'was',
                    header: 'Today',
                    width: '110px',
                    cell: ({ before }) => <VerdictMark verdict={before} />,
                  },
                  { key: 'is', header: 'Then', width: '110px', cell: ({ after }) => <VerdictMark verdict={after} /> },
                  { key: 'rule', header: 'Rule', cell: ({ rule }) => rule ?? '—' },
                ]}
              />
            )}
          </>
        )}
      </Part>

      {matrix.cells.length === 0 ? null : (
        <Part title={`${plural(matrix.changed, 'cell')} of the matrix`}>
          <DataTable
            label="Cells of the matrix before and after"
            rows={matrix.cells}
            rowKey={({ role, capability }) => `${role} ${capability}`}
            columns={[
              { key: 'role', header: 'Role', cell: ({ role }) => role },
              {
                key: 'capability',
                header: 'Capability',
                cell: ({ capability }) => <span className="mono">{capability}</span>,
              },
              { key: 'before', header: 'Before', cell: ({ before }) => before.text },
              { key: 'after', header: 'After', cell: ({ after }) => <strong>{after.text}</strong> },
            ]}
          />
        </Part>
      )}

      {tools.map(({ roles, agents: wearers, before, after, added, removed, guarded }) => (
        <Part key={roles.join()} title={`Tools of ${roles.join(' and ')}: ${before} → ${after}`}>
          <p className="muted">{plural(wearers, 'agent')} with exactly these roles.</p>
          <Names sign="+" names={added} />
          <Names sign="−" names={removed} />
          <Names sign="~" names={guarded} />
        </Part>
      ))}

      <Part
        title={
          tests.passed + tests.failed === 0
            ? 'No test cases were run'
            : `${plural(tests.passed, 'test case')} passed, ${tests.failed} failed`
        }
      >
        {tests.files.flatMap(({ name, problems, failures }) => [
          ...problems.map((problem) => (
            <p key={`${name} ${problem}`} className={classes.bad}>
              {name}: {problem}
            </p>
          )),
          ...failures.map((failure) => (
            <p key={`${name} ${failure.name}`} className={classes.bad}>
              {name}, {failure.name}: {failure.differences.join('; ')}
            </p>
          )),
        ])}
      </Part>

      {misfits.length === 0 ? null : (
        <Part title="Guards that would not fit">
          {misfits.map(({ origin, path, message }) => (
            <p key={`${origin} ${path} ${message}`} className={classes.bad}>
              {origin} {path}: {message}
            </p>
          ))}
        </Part>
      )}
      {lint.new.length === 0 ? null : (
        <Part title="New findings">
          <Findings findings={lint.new} />
        </Part>
      )}
      {lint.resolved.length === 0 ? null : (
        <Part title="Findings that go away">
          <Findings findings={lint.resolved} />
        </Part>
      )}

      <Part title="Places that differ">
        {objects.map((object) => (
          <div key={`${object.type} ${object.id}`}>
            <p>
              <strong>{objectWords({ type: object.type, id: object.name })}</strong>{' '}
              <span className="muted">{object.change}</span>
            </p>
            {object.fields.length === 0 ? null : (
              <Scrolled label={`Places that differ in ${object.name}`}>
                <table className={classes.fields}>
                  <thead>
                    <tr>
                      <th scope="col">Place</th>
                      <th scope="col">Before</th>
                      <th scope="col">After</th>
                    </tr>
                  </thead>
                  <tbody>
                    {object.fields.map(({ path, before, after }) => (
                      <tr key={path}>
                        <th scope="row" className="mono">
                          {path === '' ? 'all of it' : path}
                        </th>
                        <td className="mono">{shown(before)}</td>
                        <td className="mono">{shown(after)}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </Scrolled>
            )}
            {object.fields_left_out === 0 ? null : (
              <p className="muted">and {plural(object.fields_left_out, 'place')} more</p>
            )}
          </div>
        ))}
      </Part>
    </div>
  );
}

type Moved = RadiusMove & { readonly key: string; readonly name: string; readonly kind: string };

function isOfDay({ horizon, line }: Moved): boolean {
  return horizon === '24h' && line !== 'bypassed';
}

function RadiusTable({ label, rows }: { readonly label: string; readonly rows: readonly Moved[] }) {
  if (rows.length === 0) return <p className="muted">Not in 24 h.</p>;
  return (
    <DataTable
      label={label}
      rows={rows}
      rowKey={({ key }) => key}
      columns={[
        {
          key: 'who',
          header: 'Of',
          cell: ({ name, kind }) => (kind === 'workspace' ? 'the workspace' : `${kind} ${name}`),
        },
        { key: 'what', header: 'What', cell: ({ unit, horizon }) => `${unitWords(unit)}, ${horizonWords(horizon)}` },
        { key: 'line', header: 'When', cell: ({ line }) => LINES[line] },
        { key: 'before', header: 'Before', align: 'end', cell: ({ before }) => <span className="num">{before}</span> },
        {
          key: 'after',
          header: 'After',
          align: 'end',
          cell: ({ after, rises }) => (
            <strong className="num">
              {after} <span aria-hidden>{rises ? '▲' : '▼'}</span>
              <span className="visually-hidden">{rises ? ' rises' : ' falls'}</span>
            </strong>
          ),
        },
      ]}
    />
  );
}

const LINES = {
  alone: 'without human help',
  fooled: 'one approver is fooled',
  bypassed: 'the gateway is passed by',
} as const;

const MAX_SHOWN = 400;

function shown(value: unknown): string {
  if (value === undefined) return '—';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

function Part({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <div className="stack-tight">
      <h3>{title}</h3>
      {children}
    </div>
  );
}

function Names({ sign, names }: { readonly sign: string; readonly names: readonly string[] }) {
  if (names.length === 0) return null;
  return (
    <p className={classes.names}>
      {names.map((name, i) => (
        <span key={name} className="mono">
          {i === 0 ? '' : ', '}
          {sign} {name}
        </span>
      ))}
    </p>
  );
}
