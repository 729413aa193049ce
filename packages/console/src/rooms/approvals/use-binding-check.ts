import { queryOptions, useQuery } from '@tanstack/react-query';
import type { FullApproval } from '../../api/types.ts';
import { bindingFault } from '../../proof/check-approval.ts';

type BindingCheck =
  | { readonly state: 'checking' | 'fits' | 'unavailable' }
  | { readonly state: 'differs'; readonly fault: string };

function checkQuery(approval: FullApproval) {
  return queryOptions({
    queryKey: ['approvals', 'checked', approval.id, approval.view, approval.binding, approval.hash],
    queryFn: () => check(approval),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
}

/** Whether what is shown is what is bound, computed here. Unavailable: this address is without TLS. */
export function useBindingCheck(approval: FullApproval): BindingCheck {
  const { data, error } = useQuery(checkQuery(approval));
  return error === null ? (data ?? { state: 'checking' }) : { state: 'differs', fault: error.message };
}

export async function check(approval: FullApproval): Promise<BindingCheck> {
  const subtle: SubtleCrypto | undefined = globalThis.crypto.subtle;
  if (subtle === undefined) return { state: 'unavailable' };
  const fault = await bindingFault(approval, subtle);
  return fault === undefined ? { state: 'fits' } : { state: 'differs', fault };
}
