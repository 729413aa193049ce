/** Made of packages/detections/rules by rules/generate.mjs; a test compares the two. */
export const SHIPPED_TEXTS: readonly { readonly name: string; readonly text: string }[] = [];
