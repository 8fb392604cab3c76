/** The version that health, OpenAPI and the documentation show. */
export { version as VERSION } from '../package.json';
