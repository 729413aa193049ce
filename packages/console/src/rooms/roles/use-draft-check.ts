import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { at, send } from '../../api/client.ts';
import type { Problem, RolePreview } from '../../api/types.ts';
import type { GuardsDraft } from './GuardsField.tsx';
import { checkGuards, parseGuards } from './guards-text.ts';

const TYPING_MS = 250;

export interface DraftCheck {
  /** Problems of the guards, with their places in the text. */
  readonly problems: readonly Problem[];
  /** Of its guards; undefined where there are problems. */
  readonly sentences: readonly string[] | undefined;
  /** Absent when there are problems, and for a role that does not exist yet. */
  readonly preview: RolePreview | undefined;
}

/** What the server says of a draft, a moment after the last key. `role` is undefined for one that does not exist yet. */
export function useDraftCheck(role: string | undefined, allow: readonly string[], guards: GuardsDraft) {
  const [draft] = useDebouncedValue({ allow, guards }, TYPING_MS);
  const query = useQuery({
    queryKey: ['roles', 'draft', role, draft.allow, draft.guards],
    queryFn: async (): Promise<DraftCheck> => {
      const parsed = parseGuards(draft.guards.text, draft.guards.format);
      const check = await checkGuards(draft.guards.text, draft.guards.format);
      if (check.problems.length > 0 || role === undefined) return { ...check, preview: undefined };
      if (!parsed.ok) return { problems: [parsed.problem], sentences: undefined, preview: undefined };
      const change = { scope: { allow: draft.allow }, guards: parsed.guards };
      return { ...check, preview: await send<RolePreview>('POST', at`/v1/roles/${role}/preview`, change) };
    },
    placeholderData: keepPreviousData,
    retry: false,
  });
  // What is shown must be about what is typed.
  const isCurrent = draft.allow === allow && draft.guards === guards && !query.isPlaceholderData;
  return { check: query.data, error: query.error, isCurrent, retry: () => void query.refetch() };
}
