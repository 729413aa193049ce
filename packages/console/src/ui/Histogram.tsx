import { useRef, useState } from 'react';
import { count, localTime } from './format.ts';
import classes from './ui.module.css';

interface HistogramPart {
  readonly label: string;
  readonly tone: 'allow' | 'deny' | 'review' | 'neutral';
  readonly count: number;
}

export interface HistogramBucket {
  readonly start: Date;
  readonly end: Date;
  readonly parts: readonly HistogramPart[];
}

const HEIGHT = 56;
const STEP = 10;
/** A bucket with few events among those with many is still seen. */
const LEAST = 2;

/** How many there were, bucket by bucket, one colour on the other. Dragging over it, or Enter on a bucket, chooses a period. */
export function Histogram({
  label,
  buckets,
  onChoose,
}: {
  readonly label: string;
  readonly buckets: readonly HistogramBucket[];
  readonly onChoose?: (from: Date, to: Date) => void;
}) {
  const [at, setAt] = useState<number>();
  const [dragged, setDragged] = useState<number>();
  const svg = useRef<SVGSVGElement>(null);
  const most = Math.max(1, ...buckets.map(totalOf));
  const width = buckets.length * STEP;
  const indexAt = (clientX: number): number | undefined => {
    const box = svg.current?.getBoundingClientRect();
    if (box === undefined || box.width === 0 || buckets.length === 0) return undefined;
    const place = Math.floor(((clientX - box.left) / box.width) * buckets.length);
    return Math.min(buckets.length - 1, Math.max(0, place));
  };
  const choose = (one: number, other: number): void => {
    const from = buckets[Math.min(one, other)]?.start;
    const to = buckets[Math.max(one, other)]?.end;
    if (from !== undefined && to !== undefined) onChoose?.(from, to);
  };
  const shown = at === undefined ? undefined : buckets[at];
  const [low, high] =
    dragged === undefined || at === undefined ? [undefined, undefined] : [Math.min(dragged, at), Math.max(dragged, at)];
  return (
    <figure className={classes.histogram} aria-label={label}>
      <svg
        ref={svg}
        viewBox={`0 0 ${Math.max(width, 1)} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${label}: ${count(buckets.reduce((sum, bucket) => sum + totalOf(bucket), 0))} in all`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys move over the buckets, and the caption says which
        tabIndex={0}
        onPointerDown={(event) => {
          const index = indexAt(event.clientX);
          if (index === undefined || onChoose === undefined) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          setDragged(index);
        }}
        onPointerMove={(event) => setAt(indexAt(event.clientX))}
        onPointerUp={(event) => {
          const index = indexAt(event.clientX);
          if (dragged !== undefined && index !== undefined) choose(dragged, index);
          setDragged(undefined);
        }}
        onPointerLeave={() => setAt(undefined)}
        onKeyDown={({ key }) => {
          if (key === 'ArrowRight') setAt(Math.min(buckets.length - 1, (at ?? -1) + 1));
          if (key === 'ArrowLeft') setAt(Math.max(0, (at ?? buckets.length) - 1));
          if (key === 'Enter' && at !== undefined) choose(at, at);
          if (key === 'Escape') setAt(undefined);
        }}
      >
        {low === undefined || high === undefined ? null : (
          <rect
            x={low * STEP}
            width={(high - low + 1) * STEP}
            y={0}
            height={HEIGHT}
            className={classes.histogramChosen}
          />
        )}
        {buckets.map((bucket, index) => (
          <Bar key={bucket.start.getTime()} bucket={bucket} x={index * STEP} most={most} marked={index === at} />
        ))}
      </svg>
      <figcaption className="muted">
        {shown === undefined ? <Ends buckets={buckets} /> : <span>{wordsOf(shown)}</span>}
      </figcaption>
    </figure>
  );
}

function Bar({
  bucket,
  x,
  most,
  marked,
}: {
  readonly bucket: HistogramBucket;
  readonly x: number;
  readonly most: number;
  readonly marked: boolean;
}) {
  let y = HEIGHT;
  return (
    <g data-marked={marked} className={classes.histogramBar}>
      {bucket.parts.map(({ label, tone, count: number }) => {
        if (number === 0) return null;
        const height = Math.max(LEAST, (number / most) * HEIGHT);
        y = Math.max(0, y - height);
        return <rect key={label} x={x + 1} width={STEP - 2} y={y} height={height} data-tone={tone} />;
      })}
    </g>
  );
}

function Ends({ buckets }: { readonly buckets: readonly HistogramBucket[] }) {
  const [first] = buckets;
  const last = buckets.at(-1);
  if (first === undefined || last === undefined) return <span>nothing in this period</span>;
  return (
    <>
      <span>{localTime(first.start)}</span>
      <span>{localTime(last.end)}</span>
    </>
  );
}

function totalOf({ parts }: HistogramBucket): number {
  return parts.reduce((sum, part) => sum + part.count, 0);
}

function wordsOf(bucket: HistogramBucket): string {
  const parts = bucket.parts.filter((part) => part.count > 0).map((part) => `${count(part.count)} ${part.label}`);
  return `${localTime(bucket.start)}: ${parts.length === 0 ? 'nothing' : parts.join(', ')}`;
}
