import type { Engagement } from '@hivekey/sdk';
import { Button, Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { at } from '../../api/client.ts';
import { readinessOfQuery } from '../../api/engagement-queries.ts';
import { bundlesQuery, evidenceKeyQuery } from '../../api/evidence-queries.ts';
import { CodeBlock, Identifier } from '../../ui/Copy.tsx';
import { count } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Section } from '../../ui/Page.tsx';
import { Countdown, Moment } from '../../ui/Time.tsx';
import classes from './engagements.module.css';
import { People } from './People.tsx';
import { periodWords } from './words.ts';

/** Scope and boundary, what cannot be seen, bundles with what to verify them by, and where the controls stand. */
export function Overview({ engagement, isFirm }: { readonly engagement: Engagement; readonly isFirm: boolean }) {
  return (
    <div className={classes.columns}>
      <div className={classes.column}>
        <Section title="Scope">
          <p className={classes.prose}>{engagement.scope}</p>
        </Section>
        <Readiness engagement={engagement} />
        <Bundles />
        <Section title="What HiveKey cannot see">
          <ul className={classes.list}>
            <li>Calls made with credentials that HiveKey does not hold.</li>
            <li>What a tool does after it has accepted a call, and whether it does what it says.</li>
            <li>Whether an action that an agent reports itself took place as reported.</li>
            <li>The meaning of what was permitted.</li>
            <li>What a superuser of the database reads. What they rewrite is found by the copy of the checkpoints.</li>
          </ul>
        </Section>
      </div>
      <aside className={classes.column} aria-label="About the engagement">
        <Section title="About it">
          <Facts
            facts={[
              ['Firm', engagement.firm],
              ['Period', `${periodWords(engagement)} (UTC)`],
              ['Criteria', engagement.criteria.join(', ')],
              [
                engagement.status === 'open' ? 'Ends' : 'Ended',
                <Moment key="end" value={engagement.ended_at ?? engagement.expires_at} />,
              ],
              [
                'Left',
                engagement.status === 'open' ? (
                  <Countdown key="left" until={engagement.expires_at} over="over" />
                ) : null,
              ],
              ['Because', engagement.end_reason],
              ['Opened by', engagement.opened_by],
              ['Record', <Identifier key="record" value={engagement.event_id} what="event id" />],
            ]}
          />
          {isFirm ? (
            <Button component="a" variant="default" href={at`/v1/engagements/${engagement.id}/working-set`} download>
              Export the working set
            </Button>
          ) : null}
        </Section>
        <People engagement={engagement} isFirm={isFirm} />
      </aside>
    </div>
  );
}

const STATES = [
  ['pass', 'pass'],
  ['fail', 'fail'],
  ['not_enough_data', 'not enough data'],
  ['did_not_occur', 'did not occur'],
  ['not_applicable', 'not applicable'],
] as const;

function Readiness({ engagement }: { readonly engagement: Engagement }) {
  const { data, error, refetch } = useQuery(readinessOfQuery(engagement));
  return (
    <Section title="Readiness">
      <p className={classes.banner}>Management&apos;s self-assessment. Not an auditor&apos;s opinion.</p>
      {error === null ? (
        data === undefined ? (
          <Skeleton height={52} aria-label="Testing the controls" />
        ) : (
          <dl className={classes.counts} aria-label="Controls by state">
            {STATES.map(([state, words]) => (
              <div key={state}>
                <dt>{words}</dt>
                <dd className="num">{data.counts[state]}</dd>
              </div>
            ))}
          </dl>
        )
      ) : (
        <ErrorNotice error={error} retry={() => void refetch()} />
      )}
    </Section>
  );
}

function Bundles() {
  const { data: bundles, error } = useQuery(bundlesQuery);
  const { data: key } = useQuery(evidenceKeyQuery);
  const ready = bundles?.filter(({ status }) => status === 'ready') ?? [];
  return (
    <Section title="Signed bundles">
      {key === undefined ? null : (
        <Facts facts={[['Signed by', <Identifier key="key" value={key.fingerprint} what="fingerprint" />]]} />
      )}
      <p className="muted">
        Compare the fingerprint with the one in the engagement letter or the system description: a key that comes along
        with what it signs proves nothing.
      </p>
      {error === null ? null : <ErrorNotice error={error} />}
      {bundles !== undefined && ready.length === 0 ? <p className="muted">None of this period yet.</p> : null}
      {ready.map(({ id, name, version, files, sha256, manifest_sha256: manifest }) => (
        <article key={id} className={classes.card} aria-label={`${name}, version ${version}`}>
          <div className={classes.cardHead}>
            <h3>{name}</h3>
            <span className="muted">
              version {version}
              {files === null ? '' : `, ${count(files)} files`}
            </span>
            <Button
              component="a"
              size="compact-xs"
              variant="default"
              href={at`/v1/evidence/bundles/${id}/download`}
              download
            >
              Download
            </Button>
          </div>
          <Facts
            facts={[
              ['SHA-256', sha256 === null ? null : <Identifier key="sha" value={sha256} what="SHA-256" />],
              ['Manifest', manifest === null ? null : <Identifier key="m" value={manifest} what="manifest hash" />],
            ]}
          />
          <CodeBlock code={`tar -xf ${name}.tar && sh ${name}/verify/verify.sh`} what="command that verifies it" wrap />
        </article>
      ))}
      <p>
        <Link to="/evidence">All reports of the period</Link>
      </p>
    </Section>
  );
}
