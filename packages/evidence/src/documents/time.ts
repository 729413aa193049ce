/** As people read it, and no less exact: a blank for the `T`, and no milliseconds where there are none. */
export function timeText(iso: string): string {
  return iso.replace('T', ' ').replace('.000Z', 'Z');
}
