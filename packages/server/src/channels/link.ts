export { approvalLink } from '../approvals/index.ts';
