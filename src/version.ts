import manifest from '../package.json' with { type: 'json' };

/** The version that health, OpenAPI and the documentation show. */
export const VERSION = manifest.version;
