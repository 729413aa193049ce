/** The log as it grows: the newest page, then what is sealed after it, with the outcomes of calls as they come. */
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { get, withQuery } from '../../api/client.ts';
import { sessionQuery } from '../../api/queries.ts';
import type { EventFilter, List, LogEvent } from '../../api/types.ts';
import { matches } from './matches.ts';

const PAGE = 100;
/** Events are drawn together, this often. */
const FLUSH_MS = 120;
/** Beyond this the list starts again at the newest page; what is older is still there to load. */
const MOST_LIVE = 3_000;

export type Connection = 'connecting' | 'live' | 'lost' | 'ended' | 'off';

export interface LiveEvents {
  /** Newest first; undefined while the first page loads. */
  readonly events: readonly LogEvent[] | undefined;
  readonly outcomeOf: (event: LogEvent) => string | null;
  /** New ones that are held back. */
  readonly held: number;
  readonly release: () => void;
  readonly connection: Connection;
  readonly reconnect: () => void;
  readonly error: Error | null;
  readonly retry: () => void;
  readonly hasOlder: boolean;
  readonly loadOlder: () => void;
  readonly isLoadingOlder: boolean;
}

interface Page extends List<LogEvent> {
  /** The newest number of the whole log when the first page was read: the stream goes on after it. */
  readonly newest?: number;
}

export function useLiveEvents(filter: EventFilter, hold: boolean): LiveEvents {
  const queryClient = useQueryClient();
  const key = JSON.stringify(filter);
  const queryKey = useMemo(() => ['events', 'list', key], [key]);
  const list = useInfiniteQuery({
    queryKey,
    queryFn: async ({ pageParam, signal }): Promise<Page> => {
      // Asked first: what comes between the two reads is then in both, and never in neither.
      const newest =
        pageParam === undefined
          ? await get<List<LogEvent>>('/v1/audit/events', { limit: 1, order: 'desc' }, signal)
          : undefined;
      const page = await get<List<LogEvent>>(
        '/v1/audit/events',
        { ...filter, order: 'desc', limit: PAGE, cursor: pageParam },
        signal,
      );
      return newest === undefined ? page : { ...page, newest: newest.data[0]?.seq ?? 0 };
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => (page.has_more ? (page.next_cursor ?? undefined) : undefined),
    // The stream keeps it fresh; coming back to the room reads it again.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });

  const [live, setLive] = useState<readonly LogEvent[]>([]);
  const [waiting, setWaiting] = useState<readonly LogEvent[]>([]);
  const [outcomes, setOutcomes] = useState<ReadonlyMap<string, string>>(new Map());
  const [connection, setConnection] = useState<Connection>('connecting');
  const [attempt, setAttempt] = useState(0);
  const holding = useRef(hold);
  holding.current = hold;
  const newest = list.data?.pages[0]?.newest;
  const isOver = filter.to !== undefined && new Date(filter.to).getTime() <= Date.now();

  // biome-ignore lint/correctness/useExhaustiveDependencies: `attempt` is the wish to connect again
  useEffect(() => {
    setLive([]);
    setWaiting([]);
    if (isOver) {
      setConnection('off');
      return;
    }
    if (newest === undefined) return;
    setConnection('connecting');
    // Verdict, kind, text and tool are looked at here: the results of calls, which carry none of them, have to come too.
    const { agent, about, owner, action, session, run, approval } = filter;
    const source = new EventSource(
      withQuery('/v1/audit/stream', { agent, about, owner, action, session, run, approval, from_seq: newest + 1 }),
    );
    let batch: LogEvent[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const flush = (): void => {
      timer = undefined;
      const arrived = batch;
      batch = [];
      const results = arrived.filter(({ kind }) => kind === 'tool.result');
      if (results.length > 0)
        setOutcomes((old) => {
          const next = new Map(old);
          for (const { call_event_id, outcome } of results)
            if (call_event_id && outcome) next.set(call_event_id, outcome);
          return next;
        });
      const shown = arrived.filter((event) => matches(event, filter)).reverse();
      if (shown.length > 0) (holding.current ? setWaiting : setLive)((old) => [...shown, ...old]);
    };
    source.onopen = () => setConnection('live');
    source.onmessage = ({ data }: MessageEvent<string>) => {
      batch.push(JSON.parse(data));
      timer ??= setTimeout(flush, FLUSH_MS);
    };
    source.onerror = () => {
      const isClosed = source.readyState === EventSource.CLOSED;
      setConnection(isClosed ? 'ended' : 'lost');
      // A refusal has no body here; if the session is over, reading it says so.
      if (isClosed) void queryClient.refetchQueries({ queryKey: sessionQuery.queryKey });
    };
    return () => {
      source.close();
      clearTimeout(timer);
    };
  }, [key, newest, isOver, attempt]);

  const release = useCallback(() => {
    setLive((old) => [...waiting, ...old]);
    setWaiting([]);
  }, [waiting]);
  useEffect(() => {
    if (!hold && waiting.length > 0) release();
  }, [hold, waiting, release]);
  useEffect(() => {
    if (live.length > MOST_LIVE) void queryClient.resetQueries({ queryKey });
  }, [live.length, queryClient, queryKey]);

  const events = useMemo(() => {
    if (list.data === undefined) return undefined;
    const read = list.data.pages.flatMap((page) => page.data);
    const top = read[0]?.seq ?? 0;
    return [...live.filter(({ seq }) => seq > top), ...read];
  }, [list.data, live]);

  return {
    events,
    outcomeOf: useCallback((event) => event.outcome ?? outcomes.get(event.event_id) ?? null, [outcomes]),
    held: waiting.length,
    release,
    connection,
    reconnect: () => setAttempt((old) => old + 1),
    error: list.error,
    retry: () => void list.refetch(),
    hasOlder: list.hasNextPage,
    loadOlder: () => void list.fetchNextPage(),
    isLoadingOlder: list.isFetchingNextPage,
  };
}
