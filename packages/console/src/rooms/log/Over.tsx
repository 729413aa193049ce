import type { LogFacet, LogHistogram } from '@hivekey/sdk';
import { Button, Popover, Select } from '@mantine/core';
import { IconChartBar } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { asApiError } from '../../api/problem.ts';
import { facetQuery, histogramQuery } from '../../api/query-queries.ts';
import type { EventFilter } from '../../api/types.ts';
import { count } from '../../ui/format.ts';
import { Histogram, type HistogramBucket } from '../../ui/Histogram.tsx';
import classes from './log.module.css';

const route = getRouteApi('/in/log');

/** How many there are, over time and by what. Choosing a bar chooses its period. */
export function Over({ filter }: { readonly filter: EventFilter }) {
  const navigate = route.useNavigate();
  const { data, error } = useQuery(histogramQuery(filter));
  return (
    <div className={classes.over}>
      <div className={classes.bars}>
        {error !== null ? (
          <p className="muted">No bars: {asApiError(error).message}</p>
        ) : (
          <Histogram
            label={data === undefined ? 'Events over time' : `${count(data.total)} events over time`}
            buckets={data === undefined ? [] : bucketsOf(data)}
            onChoose={(from, to) =>
              navigate({ search: (old) => ({ ...old, from: from.toISOString(), to: to.toISOString() }) })
            }
          />
        )}
      </div>
      <MostFrequent filter={filter} />
    </div>
  );
}

/** Buckets without entries are drawn too: time does not skip. */
function bucketsOf({ from, to, bucket_seconds: step, buckets }: LogHistogram): readonly HistogramBucket[] {
  const at = new Map(buckets.map((bucket) => [bucket.at, bucket]));
  const all: HistogramBucket[] = [];
  for (let start = from; start < to; start += step) {
    const { allow = 0, deny = 0, review = 0, none = 0 } = at.get(start) ?? {};
    all.push({
      start: new Date(start * 1000),
      end: new Date((start + step) * 1000),
      parts: [
        { label: 'allowed', tone: 'allow', count: allow },
        { label: 'held', tone: 'review', count: review },
        { label: 'denied', tone: 'deny', count: deny },
        { label: 'others', tone: 'neutral', count: none },
      ],
    });
  }
  return all;
}

const BY: readonly { readonly value: LogFacet['by']; readonly label: string }[] = [
  { value: 'agent', label: 'Agents' },
  { value: 'owner', label: 'Owners' },
  { value: 'action', label: 'Actions' },
  { value: 'server', label: 'Servers' },
  { value: 'tool', label: 'Tools' },
  { value: 'reason_class', label: 'Why it was decided so' },
  { value: 'kind', label: 'Kinds' },
];

function MostFrequent({ filter }: { readonly filter: EventFilter }) {
  const [opened, setOpened] = useState(false);
  const [by, setBy] = useState<LogFacet['by']>('agent');
  const navigate = route.useNavigate();
  const { data, error, isPending } = useQuery({ ...facetQuery(filter, by), enabled: opened });
  const most = data?.top[0]?.n ?? 1;
  return (
    <Popover opened={opened} onChange={setOpened} width={340} position="bottom-end" trapFocus>
      <Popover.Target>
        <Button
          variant="default"
          leftSection={<IconChartBar size={14} aria-hidden />}
          onClick={() => setOpened(!opened)}
        >
          Most frequent
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <div className="stack-tight">
          <Select
            aria-label="Most frequent what"
            allowDeselect={false}
            data={[...BY]}
            value={by}
            onChange={(next) => setBy(BY.find(({ value }) => value === next)?.value ?? by)}
            comboboxProps={{ withinPortal: false }}
          />
          {error !== null ? <p className="muted">{asApiError(error).message}</p> : null}
          {isPending && error === null ? <p className="muted">Counting…</p> : null}
          {data?.top.length === 0 ? <p className="muted">Nothing has one.</p> : null}
          <ol className={classes.top}>
            {data?.top.map(({ value, name, n }) => (
              <li key={value}>
                <button
                  type="button"
                  onClick={() => {
                    setOpened(false);
                    void navigate({ search: (old) => ({ ...old, [by]: name ?? value }) });
                  }}
                >
                  <span className="truncate">{name ?? value}</span>
                  <span className="num">{count(n)}</span>
                  <meter min={0} max={most} value={n} aria-hidden />
                </button>
              </li>
            ))}
          </ol>
          {data !== undefined && data.values > data.top.length ? (
            <p className="muted">and {count(data.values - data.top.length)} more</p>
          ) : null}
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}
