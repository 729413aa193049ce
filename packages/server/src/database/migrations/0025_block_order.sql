-- The order in which blocks become one log. The number is taken in the transaction that stores the block, after
-- its locks: a block that follows from another (the same agent, counter or workspace state) has the larger one,
-- whatever the clocks do, and whoever sees it sees the other too.
ALTER TABLE log_blocks ADD COLUMN ordinal bigint GENERATED ALWAYS AS IDENTITY;
