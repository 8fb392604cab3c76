import { EXTERNAL, found, type ModuleResolver } from './module.ts';

/** Packages are directories: by the module path of a `go.mod`, or without one by the longest suffix that is a directory. */
export const resolveGo: ModuleResolver = ({ paths, manifests }, _from, binding) => {
  const directory = packageDirectory();
  if (directory === undefined) return EXTERNAL;
  const files = paths.inDirectory(directory).filter((file) => file.lang === 'go' && !isTest(file.path));
  return found(files, null, EXTERNAL);

  function packageDirectory(): string | undefined {
    const modules = manifests.filter((manifest) => manifest.kind === 'go');
    let best: { name: string; directory: string } | undefined;
    for (const module of modules) {
      if (binding.source !== module.name && !binding.source.startsWith(`${module.name}/`)) continue;
      if (!best || module.name.length > best.name.length) best = module;
    }
    if (best) {
      const rest = binding.source.slice(best.name.length + 1);
      return [best.directory, rest].filter((part) => part !== '').join('/');
    }
    if (modules.length > 0 || !binding.source.includes('.')) return undefined;
    const segments = binding.source.split('/');
    for (let start = 1; start < segments.length; start++) {
      const match = paths.directoriesEnding(segments.slice(start).join('/'))[0];
      if (match !== undefined) return match;
    }
    return undefined;
  }
};

function isTest(path: string): boolean {
  return path.endsWith('_test.go');
}
