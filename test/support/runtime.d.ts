/** What `cloudflare:workers` holds in tests: our bindings, and the exports of the test Worker. */
declare namespace Cloudflare {
  interface Env extends SightlineEnv {}
  interface GlobalProps {
    mainModule: typeof import('./worker.ts');
    durableNamespaces: 'JobObject' | 'LimitObject';
  }
}
type SightlineEnv = import('../../src/env.ts').Env;
