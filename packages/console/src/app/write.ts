import { type UseMutationResult, useMutation, useQueryClient } from '@tanstack/react-query';
import { notifyDone } from './notify.ts';

/** Things whose cached reads a write makes old: the first word of their keys. */
export type Thing =
  | 'agents'
  | 'credentials'
  | 'roles'
  | 'capabilities'
  | 'servers'
  | 'secrets'
  | 'people'
  | 'keys'
  | 'containments'
  | 'quarantines'
  | 'breakers'
  | 'drills'
  | 'risks'
  | 'transmitters'
  | 'sources'
  | 'approvals'
  | 'changes'
  | 'radius'
  | 'channels'
  | 'alerts'
  | 'incidents'
  | 'engagements'
  | 'detections'
  | 'sinks'
  | 'retention'
  | 'reviews'
  | 'evidence'
  | 'readiness'
  | 'saved queries'
  | 'delegations'
  | 'freezes'
  | 'workspace'
  | 'session'
  | 'sessions'
  | 'identities'
  | 'invitations'
  | 'passkeys'
  | 'break-glass'
  | 'providers'
  | 'sign-in ways'
  | 'scim'
  | 'system';

/** A write, with what must be read again after it and the words that say it is done. */
export function useWrite<Input, Output>({
  write,
  changes,
  done,
  onDone,
}: {
  readonly write: (input: Input) => Promise<Output>;
  readonly changes: readonly Thing[];
  readonly done?: (output: Output, input: Input) => string;
  readonly onDone?: (output: Output, input: Input) => void;
}): UseMutationResult<Output, Error, Input> {
  const queryClient = useQueryClient();
  return useMutation<Output, Error, Input>({
    mutationFn: write,
    onSuccess: async (output, input) => {
      if (done !== undefined) notifyDone(done(output, input));
      onDone?.(output, input);
      await Promise.all(changes.map((thing) => queryClient.invalidateQueries({ queryKey: [thing] })));
    },
  });
}
