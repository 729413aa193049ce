import { Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { changeQuery } from '../../api/change-queries.ts';
import type { Change } from '../../api/change-types.ts';
import { Identifier } from '../../ui/Copy.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Page, Section } from '../../ui/Page.tsx';
import { Moment } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import classes from './changes.module.css';
import { Discussion } from './Discussion.tsx';
import { Documents } from './Documents.tsx';
import { ChangeMark, RiskMark } from './marks.tsx';
import { PreviewView } from './PreviewView.tsx';
import { Review } from './Review.tsx';
import { Reviews } from './Reviews.tsx';
import { CLASS_WORDS, objectsWords } from './words.ts';

const route = getRouteApi('/in/changes/$change');
const UP = { to: '/changes', label: 'Changes' };

/** What is asked for, what it would do, who said what, and what may be done about it. */
export function ChangePage() {
  const { change: name } = route.useParams();
  const { data, error, refetch } = useQuery(changeQuery(name));
  if (data === undefined)
    return (
      <Page title={name} up={UP}>
        {error === null ? (
          <Skeleton height={320} aria-label="Loading" />
        ) : (
          <ErrorNotice error={error} retry={() => void refetch()} />
        )}
      </Page>
    );
  return (
    <Page
      title={`${data.name} ${data.title}`}
      name={`${data.name} · ${data.title}`}
      up={UP}
      mark={<ChangeMark change={data} />}
      {...(data.justification === '' ? {} : { description: data.justification })}
    >
      <div className={classes.wide}>
        <div className={classes.main}>
          <PreviewView change={data} />
          <Documents change={data} />
          <Discussion change={data} />
        </div>
        <aside className={classes.aside} aria-label="Where it stands">
          <Review change={data} />
          <Reviews change={data} />
          <Section title="About it">
            <About change={data} />
          </Section>
        </aside>
      </div>
    </Page>
  );
}

function About({ change }: { readonly change: Change }) {
  const { source, policy, rollback_of, rolled_back_by } = change;
  return (
    <Facts
      facts={[
        ['Risk', <RiskMark key="risk" risk={change.risk} />],
        ['Because', change.reasons.join('; ')],
        ['Class', CLASS_WORDS[change.class]],
        ['Pattern', change.pattern],
        ['Objects', objectsWords(change.objects)],
        ['Authors', change.authors.join(', ')],
        ['Ticket', change.ticket],
        ['Commit', source === null ? null : `${source.commit.slice(0, 12)} of ${source.repository}`],
        ['By', source?.author],
        ['Signature', source === null ? null : <SignatureMark key="signature" source={source} />],
        ['Puts back', rollback_of === null ? null : <ChangeLink key="of" name={rollback_of} />],
        ['Put back by', rolled_back_by === null ? null : <ChangeLink key="by" name={rolled_back_by} />],
        ['Drafted', <Moment key="drafted" value={change.created} />],
        ['Submitted', change.submitted_at === null ? null : <Moment key="submitted" value={change.submitted_at} />],
        ['Approved', change.approved_at === null ? null : <Moment key="approved" value={change.approved_at} />],
        ['Takes effect', change.activate_at === null ? null : <Moment key="at" value={change.activate_at} />],
        ['In force since', change.activated_at === null ? null : <Moment key="since" value={change.activated_at} />],
        [
          'Policy',
          policy === null ? null : (
            <Link key="policy" to="/policy/$revision" params={{ revision: String(policy.revision) }}>
              revision {policy.revision}
            </Link>
          ),
        ],
        ['Freezes passed', change.freezes_passed.join(', ')],
        ['Content', <Identifier key="hash" value={change.content_hash} what="content hash" />],
      ]}
    />
  );
}

function ChangeLink({ name }: { readonly name: string }) {
  return (
    <Link to="/changes/$change" params={{ change: name }}>
      {name}
    </Link>
  );
}

function SignatureMark({ source }: { readonly source: NonNullable<Change['source']> }) {
  const { status, key } = source.signature;
  if (status === 'good') return <Mark tone="allow">{`good${key === null ? '' : `, ${key}`}`}</Mark>;
  return <Mark tone={status === 'bad' ? 'deny' : 'review'}>{status === 'none' ? 'not signed' : status}</Mark>;
}
