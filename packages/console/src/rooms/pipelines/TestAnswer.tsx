import type { SinkTest } from '../../api/sink-types.ts';
import { CodeBlock } from '../../ui/Copy.tsx';
import { Facts } from '../../ui/Page.tsx';
import { Mark } from '../../ui/Verdict.tsx';

/** What a receiver said to the test event. */
export function TestAnswer({ test }: { readonly test: SinkTest }) {
  return (
    <section aria-label="Answer of the receiver" className="stack-tight" role="status">
      <div className="row-wrap">
        <Mark tone={test.delivered ? (test.confirmed ? 'allow' : 'review') : 'deny'}>
          {test.delivered ? (test.confirmed ? 'stored' : 'taken, not confirmed') : 'not taken'}
        </Mark>
        <span className="muted">after {test.took_ms} ms</span>
      </div>
      <Facts
        facts={[
          ['Receiver', test.destination],
          ['Code', test.code],
          ['Cause', test.cause],
          ['Remarks', test.remarks.join(' ')],
          ['Look for', <code key="id">{test.event_id}</code>],
        ]}
      />
      <CodeBlock code={test.event} what="event" wrap />
    </section>
  );
}
