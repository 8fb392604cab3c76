/** How much of what is counted is kept, and how long. */

/** Hours that can be asked for. */
export const MAX_HOURS = 168;
/** Custom series that one user may have made, and all together. */
export const MAX_CUSTOM_OF_USER = 200;
export const MAX_CUSTOM = 5000;
/** A custom series that nobody raises for so long is forgotten. */
export const CUSTOM_KEPT_DAYS = 90;
/** Users come and go: the questions of those who asked longest ago count as nobody's. */
export const MAX_QUERY_ROWS = 50_000;
