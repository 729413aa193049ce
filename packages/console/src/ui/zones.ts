/** Time zones to choose from, `zone` among them. UTC is not among those that browsers list. */
export function zonesWith(zone: string): string[] {
  return [...new Set(['UTC', ...Intl.supportedValuesOf('timeZone'), zone])];
}
