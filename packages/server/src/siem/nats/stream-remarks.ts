/** What of a stream's settings weakens what its acknowledgement says. Pure. */
import type { StreamConfig } from '@nats-io/jetstream';

/** Retries are at most a minute apart; a batch whose answer was lost is sent again within two. */
const LEAST_DUPLICATE_WINDOW_SECONDS = 120;
const NANOSECONDS = 1e9;

type Settings = Pick<
  StreamConfig,
  'name' | 'storage' | 'discard' | 'retention' | 'deny_delete' | 'deny_purge' | 'duplicate_window'
>;

export function streamRemarks(settings: Settings): readonly string[] {
  const seconds = settings.duplicate_window / NANOSECONDS;
  const weaknesses: readonly (readonly [boolean, string])[] = [
    [settings.storage !== 'file', 'keeps events in memory (storage: file)'],
    [settings.discard !== 'new', 'drops the oldest events when it is full (discard: new)'],
    [settings.retention !== 'limits', 'drops what was consumed (retention: limits)'],
    [!settings.deny_delete, 'lets events be deleted (deny_delete)'],
    [!settings.deny_purge, 'lets itself be purged (deny_purge)'],
    [
      seconds < LEAST_DUPLICATE_WINDOW_SECONDS,
      `knows duplicates for ${seconds} s alone (duplicate_window: ${LEAST_DUPLICATE_WINDOW_SECONDS}s)`,
    ],
  ];
  return weaknesses.flatMap(([isWeak, words]) => (isWeak ? [`Stream ${settings.name} ${words}.`] : []));
}
