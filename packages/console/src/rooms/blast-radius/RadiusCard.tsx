import { SegmentedControl, Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { radiusQuery, type Whose } from '../../api/radius-queries.ts';
import type { BlastRadius, RadiusAmount, RadiusLine } from '../../api/radius-types.ts';
import { plural } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { Scrolled } from '../../ui/Scrolled.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import { Acceptance } from './Acceptance.tsx';
import classes from './radius.module.css';
import { horizonWords, LINES, unitWords } from './words.ts';

/** The most that somebody, or all of them together, can do before it is stopped: numbers, what binds them, who accepted them. */
export function RadiusCard({ whose }: { readonly whose: Whose }) {
  const { data, error, refetch } = useQuery(radiusQuery(whose));
  const [line, setLine] = useState<RadiusLine>('alone');
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Skeleton height={280} aria-label="Loading" />;
  if (data.units.length === 0)
    return (
      <Empty title="Nothing is reachable">
        Nothing that is granted spends, reads or changes anything that is declared.
      </Empty>
    );
  return (
    <div className="stack">
      <SegmentedControl
        aria-label="What holds"
        data={[...LINES]}
        value={line}
        onChange={(next) => setLine(next as RadiusLine)}
        className={classes.lines}
      />
      <Numbers radius={data} line={line} />
      <p className="muted">
        {data.containment.sentence} Policy revision {data.policy_revision}
        {data.subject.kind === 'agent' ? '' : `, ${plural(data.agents, 'agent')}`}.
      </p>
      {data.escalations.length === 0 ? null : (
        <Section title="Ways up">
          <ul className={classes.bad}>
            {data.escalations.map(({ sentence, reach }) => (
              <li key={sentence}>
                {sentence}
                {reach === 'approval' ? ' A person would have to allow it.' : ''}
              </li>
            ))}
          </ul>
        </Section>
      )}
      <Binding radius={data} line={line} />
      <Acceptance radius={data} whose={whose} />
      <Section title="What these numbers do not hold">
        <ul className="muted">
          {data.excluded.map((each) => (
            <li key={each}>{each}</li>
          ))}
        </ul>
      </Section>
    </div>
  );
}

function Numbers({ radius, line }: { readonly radius: BlastRadius; readonly line: RadiusLine }) {
  const { units, horizons, cells } = radius;
  return (
    <Scrolled label="Blast radius">
      <table className={classes.numbers}>
        <thead>
          <tr>
            <th scope="col">At most</th>
            {horizons.map(({ id }) => (
              <th key={id} scope="col">
                {horizonWords(id)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {units.map((unit) => (
            <tr key={unit}>
              <th scope="row">{unitWords(unit)}</th>
              {horizons.map(({ id }) => {
                const cell = cells.find((each) => each.unit === unit && each.horizon === id && each.line === line);
                return <td key={id}>{cell === undefined ? '—' : <Amount amount={cell.amount} />}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolled>
  );
}

export function Amount({ amount: { kind, text } }: { readonly amount: RadiusAmount }) {
  if (kind === 'bounded') return <span className="num">{text}</span>;
  return <Mark tone={kind === 'unbounded' ? 'deny' : 'review'}>{text}</Mark>;
}

const DAY = '24h';

/** Why there is no number, each once, with the units it is about. */
function reasonsOf(cells: BlastRadius['cells']): readonly string[] {
  const units = new Map<string, string[]>();
  for (const { unit, amount } of cells)
    for (const { sentence } of amount.reasons) units.set(sentence, [...(units.get(sentence) ?? []), unitWords(unit)]);
  return [...units].map(([sentence, about]) => `${sentence}: ${about.join(', ')}`);
}

/** Of the day: which rules hold each number, how full they ever were, and why there is none. */
function Binding({ radius: { cells }, line }: { readonly radius: BlastRadius; readonly line: RadiusLine }) {
  const day = cells.filter((cell) => cell.horizon === DAY && cell.line === line);
  const bound = day.filter(({ binding }) => binding.length > 0);
  const reasons = reasonsOf(day);
  return (
    <Section title="What binds, in 24 h">
      {reasons.length === 0 ? null : (
        <ul className={classes.bad} aria-label="Why there is no number">
          {reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      )}
      {bound.length === 0 && reasons.length === 0 ? (
        <p className="muted">Nothing needs to: nothing is reachable.</p>
      ) : null}
      {bound.length === 0 ? null : (
        <ul className={classes.binding}>
          {bound.map(({ unit, binding }) => (
            <li key={unit}>
              <strong>{unitWords(unit)}</strong>
              {binding.map(({ rule, origin, sentence, used }) => (
                <div key={`${origin} ${rule}`}>
                  <span>{sentence}</span> <span className="muted mono">{`${origin}/${rule}`}</span>
                  {used === null ? null : (
                    <span className="row">
                      <meter
                        className={classes.meter}
                        min={0}
                        max={1}
                        value={Math.min(1, used.share)}
                        aria-label={`Largest use of ${rule}`}
                      />
                      <span className="muted">at most {Math.round(used.share * 100)} % was used</span>
                    </span>
                  )}
                </div>
              ))}
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}
