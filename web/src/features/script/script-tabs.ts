// Apart from the page, so that reading the address does not load it.

/** The tabs of a script, as they stand in its address. */
export const SCRIPT_TABS = ['runs', 'code', 'versions', 'call'] as const;
export type ScriptTab = (typeof SCRIPT_TABS)[number];
