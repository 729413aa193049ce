/** Where the console shows an approval. `url`: its origin. */
export function approvalLink(url: string, approvalId: string): string {
  return `${url}/approvals/${encodeURIComponent(approvalId)}`;
}
