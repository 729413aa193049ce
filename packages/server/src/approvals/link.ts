/** Where the console shows an approval, for the people who decide. `url`: its origin. */
export function approvalLink(url: string, approvalId: string): string {
  return `${url}/approvals/${encodeURIComponent(approvalId)}`;
}
