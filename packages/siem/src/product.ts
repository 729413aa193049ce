/** How HiveKey is called in every schema. */
export const PRODUCT = { vendor: 'HiveKey', name: 'HiveKey', version: '0.1.0' } as const;
