/** Whether somebody has used the page lately. What polls asks first, so that an abandoned page lets its session end. */
const ATTENDED_MS = 10 * 60_000;
let lastUse = Date.now();

for (const event of ['pointerdown', 'keydown'] as const)
  addEventListener(
    event,
    () => {
      lastUse = Date.now();
    },
    { passive: true },
  );

/** For `refetchInterval`: the interval while attended; after that, what the next focus or room reads. */
export function whileAttended(intervalMs: number): () => number | false {
  return () => (Date.now() - lastUse < ATTENDED_MS ? intervalMs : false);
}
