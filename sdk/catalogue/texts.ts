/** The texts of errors, by code: what each error means, and how to mend it. */
export type ErrorTexts = Record<string, readonly [meaning: string, hint: string]>;
