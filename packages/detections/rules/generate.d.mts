export function ruleTexts(): readonly { readonly name: string; readonly text: string }[];
export function rulesPage(rules: readonly { readonly name: string; readonly text: string }[]): string;
