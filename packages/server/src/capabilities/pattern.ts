import { z } from 'zod';

/** What settings name calls by: a capability, all of a namespace, or everything. `covers` of the policy reads it. */
export const capabilityPatternSchema = z
  .string()
  .max(202)
  .regex(
    /^(?:\*|[a-z][a-z0-9-]*(?:\.[A-Za-z0-9_-]+)*(?:\.\*)?)$/,
    'is neither a capability such as payments.pay, nor payments.*, nor *',
  );
