/** The four questions that an auditor asks about an agent, answered from the log. */
export { answersReport } from './evidence.ts';
