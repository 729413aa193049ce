/** Access reviews: campaigns that freeze what there is, have it decided by people without a part in it, and see that it takes effect. */
export { accessReviewReport } from './evidence.ts';
export { watchReviews } from './watch.ts';
