export const STRATEGIES = ['explain', 'implement', 'debug', 'recent-changes'] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** What a context pack is asked for. */
export interface ContextRequest {
  strategy: Strategy;
  ref?: string | undefined;
  fromRef?: string | undefined;
  query?: string | undefined;
  paths?: string[] | undefined;
  maxTokens?: number | undefined;
}
