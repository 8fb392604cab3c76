/** Which files of a repository are learnt from. */
import { skipByPath } from '../../../ingest/parse/classify.ts';
import type { TreeFile } from './git.ts';

const SOURCE_EXTENSION =
  /\.(?:py|js|mjs|cjs|jsx|ts|mts|tsx|go|java|c|h|cc|cpp|hpp|cxx|rs|cs|php|rb|kt|swift)$/;
/** Tests, examples and copies: their functions are documented by name or not theirs. */
const ASIDE =
  /(?:^|\/)(?:vendor|_vendor|node_modules|third_party|thirdparty|3rdparty|deps|tests?|__tests__|specs?|testing|testdata|fixtures?|dist|build|generated|external|mocks?|benchmarks?|bench|examples?|deno_dist)\/|_test\.go$|(?:^|\/)test_[^/]*\.py$|\.(?:test|spec)\.[jt]sx?$|Tests?\.(?:java|cs|kt|swift|php)$|\.d\.ts$/i;

const TEST =
  /(?:^|\/)(?:tests?|__tests__|specs?|testing)\/|_test\.go$|(?:^|\/)test_[^/]*\.py$|\.(?:test|spec)\.[jt]sx?$|(?:Tests?|Spec)\.(?:java|cs|kt|swift|php)$|_(?:spec|test)\.rb$/i;
const COPY =
  /(?:^|\/)(?:vendor|_vendor|node_modules|third_party|thirdparty|3rdparty|deps|fixtures?|testdata|generated|external)\//i;

/** What is learnt from and asked for. */
export const isCode = (path: string) => SOURCE_EXTENSION.test(path) && !ASIDE.test(path);
export const isTest = (path: string) => SOURCE_EXTENSION.test(path) && TEST.test(path) && !COPY.test(path);

/** Files of a kind up to the limit in all, spread over the repository: by blob id, which is as good as random. */
export function chosen(
  files: TreeFile[],
  maxBytes: number,
  isWanted: (path: string) => boolean = isCode,
): TreeFile[] {
  const sources = files.filter(
    ({ path, mode, size }) => isWanted(path) && size < 300_000 && !skipByPath(path, mode, size),
  );
  let left = maxBytes;
  const kept = new Set(
    [...sources]
      .sort((a, b) => (a.oid < b.oid ? -1 : a.oid > b.oid ? 1 : 0))
      .filter(({ size }) => {
        left -= size;
        return left >= 0;
      }),
  );
  return sources.filter((file) => kept.has(file));
}
