import { useState } from 'react';
import { stringify } from 'yaml';
import { at, send } from '../../api/client.ts';
import type { Freeze, FreezeDocument } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { CodeBlock } from '../../ui/Copy.tsx';
import { Facts, Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import { zonedTime } from './freeze-file.ts';
import { Overrides } from './Overrides.tsx';

export function FreezeDetail({ freeze, onRemoved }: { readonly freeze: Freeze; readonly onRemoved: () => void }) {
  const { name, description, sentence, in_force, until, next, document, author, updated_at, override } = freeze;
  const [removing, setRemoving] = useState(false);
  const remove = useWrite({
    write: () => send<Freeze>('DELETE', at`/v1/freezes/${name}`),
    changes: ['freezes'],
    done: () => `The freeze ${name} is removed.`,
    onDone: onRemoved,
  });
  const zone = document.time_zone;
  return (
    <div className="stack">
      <p className="row-wrap">
        <Mark tone={in_force ? 'deny' : override === null ? 'neutral' : 'review'}>
          {in_force ? 'in force' : override === null ? 'not in force' : 'lifted'}
        </Mark>
        <span>{sentence}</span>
      </p>
      <Facts
        facts={[
          ['Description', description],
          ['Until', until === null ? null : zonedTime(until, zone)],
          ['Next', next === null ? null : zonedTime(next, zone)],
          ['Time zone', zone],
          ['Written by', author],
          ['Written', <Time key="written" value={updated_at} />],
        ]}
      />
      <Overrides freeze={freeze} />
      <Section title="File">
        <CodeBlock code={fileText(document)} what="freeze file" wrap />
        {until === null ? (
          <div>
            <ActButton needs="DELETE /v1/freezes/:name" variant="default" onClick={() => setRemoving(true)}>
              Remove…
            </ActButton>
          </div>
        ) : (
          <p className="muted">
            A freeze in force is neither changed nor removed: an override, by two people, lifts it.
          </p>
        )}
      </Section>
      {removing ? (
        <Confirm
          title={`Remove the freeze ${name}`}
          action="Remove"
          danger
          pending={remove.isPending}
          error={remove.error}
          onConfirm={() => remove.mutate(undefined)}
          onClose={() => setRemoving(false)}
        >
          It does not come again. The log keeps what it was.
        </Confirm>
      ) : null}
    </div>
  );
}

/** Members in the order in which one reads them. */
function fileText({ apiVersion, kind, metadata, time_zone, starts, ends, repeats, scope }: FreezeDocument): string {
  return stringify({ apiVersion, kind, metadata, time_zone, starts, ends, repeats, scope });
}
