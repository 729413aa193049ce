/** Access reviews: campaigns that freeze what there is, have it decided by people without a part in it, and see that it takes effect. */
export { type DueCampaign, dueCampaigns } from './due.ts';
export { accessReviewReport } from './evidence.ts';
export { type LastReviewed, lastReviewed } from './last-reviewed.ts';
export { watchReviews } from './watch.ts';
