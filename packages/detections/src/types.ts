/** Levels of the Sigma specification 2.1.0. */
export type Level = 'informational' | 'low' | 'medium' | 'high' | 'critical';
