import { SegmentedControl, Switch, TextInput } from '@mantine/core';
import { IconAlertTriangle, IconBan, IconSearch } from '@tabler/icons-react';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useId, useMemo, useRef, useState } from 'react';
import type { Capability } from '../../api/types.ts';
import { namespaceOf, plural } from '../../ui/format.ts';
import classes from './roles.module.css';

type Show = 'all' | 'granted' | 'changed';
type Item =
  | { readonly kind: 'group'; readonly name: string; readonly granted: number; readonly total: number }
  | { readonly kind: 'capability'; readonly capability: Capability };

const GROUP = 32;
const ROW = 46;

/** One switch for each capability, grouped by namespace. */
export function CapabilityList({
  capabilities,
  granted,
  published,
  onToggle,
  find = '',
}: {
  readonly capabilities: readonly Capability[];
  readonly granted: ReadonlySet<string>;
  readonly published: ReadonlySet<string>;
  readonly onToggle: (capability: string, grant: boolean) => void;
  readonly find?: string | undefined;
}) {
  const [words, setWords] = useState(find);
  const [show, setShow] = useState<Show>('all');
  const scroller = useRef<HTMLDivElement>(null);
  const items = useMemo(
    () => itemsOf(capabilities, granted, published, words, show),
    [capabilities, granted, published, words, show],
  );
  const rows = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => (items[index]?.kind === 'group' ? GROUP : ROW),
    overscan: 10,
  });
  const changed = capabilities.filter(({ name }) => granted.has(name) !== published.has(name)).length;
  return (
    <div className="stack-tight">
      <div className="row-wrap">
        <TextInput
          aria-label="Capability or description contains"
          placeholder="Capability or description"
          leftSection={<IconSearch size={14} aria-hidden />}
          value={words}
          onChange={(event) => setWords(event.currentTarget.value)}
          w={260}
        />
        <SegmentedControl
          aria-label="Capabilities shown"
          data={[
            { value: 'all', label: `All ${capabilities.length}` },
            { value: 'granted', label: `Granted ${granted.size}` },
            { value: 'changed', label: `Changed ${changed}` },
          ]}
          value={show}
          onChange={(next) => setShow(next as Show)}
        />
      </div>
      {items.length === 0 ? (
        <p className="muted">
          {capabilities.length === 0
            ? 'There are no capabilities yet. They come with an MCP server, or are declared with npx hivekey capability apply.'
            : 'No capability fits.'}
        </p>
      ) : (
        <section ref={scroller} className={classes.capabilities} aria-label="Capabilities">
          <div style={{ height: rows.getTotalSize(), position: 'relative' }}>
            {rows.getVirtualItems().map(({ index, start, size }) => {
              const item = items[index];
              if (item === undefined) return null;
              const style = { top: start, height: size };
              if (item.kind === 'group')
                return (
                  <div key={`group ${item.name}`} className={classes.namespace} style={style}>
                    <strong>{item.name === '' ? 'without namespace' : item.name}</strong>
                    <span className="muted num">
                      {item.granted} of {item.total}
                    </span>
                  </div>
                );
              return (
                <Row
                  key={item.capability.name}
                  capability={item.capability}
                  isGranted={granted.has(item.capability.name)}
                  isPublished={published.has(item.capability.name)}
                  onToggle={onToggle}
                  style={style}
                />
              );
            })}
          </div>
        </section>
      )}
    </div>
  );
}

function Row({
  capability: { name, description, access, destructive, stopped, roles },
  isGranted,
  isPublished,
  onToggle,
  style,
}: {
  readonly capability: Capability;
  readonly isGranted: boolean;
  readonly isPublished: boolean;
  readonly onToggle: (capability: string, grant: boolean) => void;
  readonly style: { readonly top: number; readonly height: number };
}) {
  const id = useId();
  const change = isGranted === isPublished ? undefined : isGranted ? 'will be granted' : 'will be removed';
  return (
    <div className={classes.capability} style={style} data-changed={change !== undefined}>
      <Switch
        id={id}
        aria-label={`Grant ${name}`}
        checked={isGranted}
        onChange={(event) => onToggle(name, event.currentTarget.checked)}
      />
      <label htmlFor={id} className={classes.capabilityText}>
        <div className="row">
          <span className="mono truncate" title={name}>
            {name}
          </span>
          <span className={classes.access} data-access={access}>
            {access}
          </span>
          {destructive ? (
            <span className={classes.warning}>
              <IconAlertTriangle size={12} aria-hidden /> destructive
            </span>
          ) : null}
          {stopped ? (
            <span className={classes.warning}>
              <IconBan size={12} aria-hidden /> stopped
            </span>
          ) : null}
        </div>
        <div className="muted truncate" title={description}>
          {description || 'no description'}
        </div>
      </label>
      <span className="muted" title={roles.join(', ')}>
        {change ?? plural(roles.length, 'role')}
      </span>
    </div>
  );
}

function itemsOf(
  capabilities: readonly Capability[],
  granted: ReadonlySet<string>,
  published: ReadonlySet<string>,
  words: string,
  show: Show,
): Item[] {
  const wanted = words.trim().toLowerCase();
  const groups = new Map<string, Capability[]>();
  const ordered = [...capabilities].sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const capability of ordered) {
    const { name, description } = capability;
    if (!name.toLowerCase().includes(wanted) && !description.toLowerCase().includes(wanted)) continue;
    if (show === 'granted' && !granted.has(name)) continue;
    if (show === 'changed' && granted.has(name) === published.has(name)) continue;
    const namespace = namespaceOf(name);
    groups.set(namespace, [...(groups.get(namespace) ?? []), capability]);
  }
  return [...groups].flatMap(([name, members]): Item[] => [
    { kind: 'group', name, total: members.length, granted: members.filter((each) => granted.has(each.name)).length },
    ...members.map((capability): Item => ({ kind: 'capability', capability })),
  ]);
}
