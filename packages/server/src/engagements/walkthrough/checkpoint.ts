import type { Button } from './step.ts';

export const checkpoint: Button = async ({ log }, { workspaceId }) => {
  await log.catchUp(workspaceId);
  const [outside, newest, health] = await Promise.all([
    log.outsideMemory(workspaceId),
    log.checkpoint(workspaceId),
    log.health(),
  ]);
  const copies = health.copies
    .filter((copy) => copy.workspaceId === workspaceId)
    .map(({ destination, treeSize, lastError, behindSeconds }) => ({
      destination,
      tree_size: treeSize,
      last_error: lastError,
      behind_seconds: behindSeconds,
    }));
  const facts = { key: log.verifierKey(workspaceId), newest: newest?.note ?? null, copies };
  if (outside === undefined)
    return { shown: false, said: 'There is no copy outside the database that this node can read.', facts };
  const { treeSize, entries, note, problem } = outside;
  return {
    shown: problem === undefined,
    said:
      problem === undefined
        ? `The first ${treeSize} of ${entries} entries in the database are those that the copy was signed over.`
        : problem.message,
    facts: { ...facts, copy: note, copied_entries: treeSize, entries, problem: problem?.code ?? null },
  };
};
