import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { ruleTestDutiesQuery } from '../../api/detection-queries.ts';
import { plural } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { Moment } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import classes from './detections.module.css';

/** Each rule that is on wants two tests in a quarter: one that is found, one that is not. */
export function Due() {
  const { data, error } = useQuery(ruleTestDutiesQuery);
  if (error !== null) return <ErrorNotice error={error} />;
  if (data === undefined) return null;
  const { quarter, due_at: due, open, rules } = data;
  return (
    <Section
      title={`Tests of ${quarter}`}
      aside={
        <Button
          component="a"
          variant="default"
          size="compact-xs"
          href={`/v1/detections/tests.csv?quarter=${quarter}`}
          download
        >
          As a table
        </Button>
      }
    >
      <p>
        <Mark tone={open === 0 ? 'allow' : 'review'}>
          {open === 0 ? 'all tested' : `${plural(open, 'rule')} of ${rules.length} to test`}
        </Mark>{' '}
        <span className="muted">
          due <Moment value={due} />. Each rule once where it has to fire, once where it must not, as it is now: on its
          samples with <code>hivekey detections test</code>, or live.
        </span>
      </p>
      <ul className={classes.duties}>
        {rules
          .filter(({ is_done: isDone }) => !isDone)
          .map(({ detection, positive_at: positive, negative_at: negative }) => (
            <li key={detection}>
              <Link to="/detections/$rule" params={{ rule: detection }}>
                {detection}
              </Link>{' '}
              <span className="muted">
                {positive === null && negative === null ? 'both' : positive === null ? 'attack' : 'benign'}
              </span>
            </li>
          ))}
      </ul>
    </Section>
  );
}
