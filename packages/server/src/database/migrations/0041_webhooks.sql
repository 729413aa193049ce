-- What delivering webhooks keeps: who delivers, how far, and how it has been going.

ALTER TABLE webhooks
  -- the node that delivers until then; the epoch grows with each change of hands and fences an older one out
  ADD COLUMN lease_node text,
  ADD COLUMN lease_until timestamptz,
  ADD COLUMN lease_epoch bigint NOT NULL DEFAULT 0,
  -- failures in a row, since when, and when to try again
  ADD COLUMN failures integer NOT NULL DEFAULT 0,
  ADD COLUMN failing_since timestamptz,
  ADD COLUMN retry_at timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN delivered_at timestamptz,
  ADD COLUMN disabled_reason text;
