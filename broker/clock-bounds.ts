/**
 * So far ahead of a host's own clock the hub's word on the time is believed: no two clocks that anybody looks at differ by
 * more. The hub itself goes no further ahead of its clock than it would be believed.
 */
export const HUB_AHEAD_MS = 86_400_000;

/** No clock that goes was ever before this: the first version is later. */
export const CLOCKS_FROM = Date.UTC(2026, 0, 1);
