import { Drawer } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef } from 'react';
import { groupsQuery, membersQuery } from '../../api/identity-queries.ts';
import { Tags } from '../../ui/DataTable.tsx';
import { count } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import classes from './people.module.css';

const ROW_PX = 36;

/** A group and who is in it. Members are read as one scrolls, and only those in sight are drawn. */
export function GroupDrawer({ name, onClose }: { readonly name: string; readonly onClose: () => void }) {
  const { data: groups } = useInfiniteQuery(groupsQuery);
  const group = groups?.pages.flatMap((page) => page.data).find((each) => each.name === name);
  return (
    <Drawer opened onClose={onClose} title={`Group ${name}`} closeButtonProps={{ 'aria-label': 'Close' }}>
      <div className="stack">
        {group === undefined ? null : (
          <Facts
            facts={[
              [
                'Source',
                group.source === 'directory' ? `SCIM, ${group.connection ?? 'a connection that is gone'}` : 'Local',
              ],
              ['In the directory', group.source === 'directory' ? group.display_name : undefined],
              ['External id', group.external_id],
              ['People', count(group.members)],
              ['Workspace roles', <Tags key="roles" names={group.roles} most={7} />],
              ['Changed', group.updated_at === null ? undefined : <Time key="changed" value={group.updated_at} />],
            ]}
          />
        )}
        <Section title="Members">
          <Members name={name} />
        </Section>
      </div>
    </Drawer>
  );
}

function Members({ name }: { readonly name: string }) {
  const scroller = useRef<HTMLUListElement>(null);
  const { data, error, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } = useInfiniteQuery(membersQuery(name));
  const members = data?.pages.flatMap((page) => page.data) ?? [];
  const virtual = useVirtualizer({
    count: members.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
  });
  const rows = virtual.getVirtualItems();
  const last = rows.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && last >= members.length - 20) void fetchNextPage();
  }, [last, members.length, hasNextPage, isFetchingNextPage, fetchNextPage]);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  if (data !== undefined && members.length === 0) return <p className="muted">Nobody is in it.</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <ul ref={scroller} className={classes.members} tabIndex={0} aria-label={`Members of ${name}`}>
      <li style={{ height: virtual.getTotalSize() }} className={classes.room} aria-hidden />
      {rows.map(({ key, start, index }) => {
        const member = members[index];
        return member === undefined ? null : (
          <li key={key} style={{ transform: `translateY(${start}px)` }} aria-posinset={index + 1} aria-setsize={-1}>
            <Link to="/people/$person" params={{ person: member.email }} className="truncate">
              {member.email}
            </Link>
            <span className="muted truncate">{member.display_name}</span>
            {member.active ? null : <Mark tone="neutral">left</Mark>}
          </li>
        );
      })}
    </ul>
  );
}
