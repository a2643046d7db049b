// Apart from the page, so that reading the address does not load it.

/** The tabs of a run, as they stand in its address. */
export const RUN_TABS = ['result', 'logs', 'input', 'code', 'why'] as const;
export type RunTab = (typeof RUN_TABS)[number];
