import { directoryOf, lastSegment } from '../../paths.ts';
import type { TextReader } from './demand.ts';
import type { Manifest } from './modules/module.ts';
import type { PathIndex } from './paths.ts';

/** The most manifests of one kind that are read; monorepos beyond it resolve their outermost packages. */
const MAX_MANIFESTS = 200;
const FILES: Readonly<Record<string, (text: string) => Omit<Manifest, 'directory'> | null>> = {
  'package.json': readPackageJson,
  'go.mod': readGoMod,
  'Cargo.toml': readCargoToml,
};

/** The packages, modules and crates that a snapshot holds, by their public names. */
export async function readManifests(paths: PathIndex, readText: TextReader): Promise<Manifest[]> {
  const files = Object.keys(FILES).flatMap((name) => paths.named(name).slice(0, MAX_MANIFESTS));
  if (files.length === 0) return [];
  const texts = await readText(files.map((file) => file.blob));
  return files.flatMap((file) => {
    const text = texts.get(file.blob);
    const manifest = text === undefined ? null : FILES[lastSegment(file.path)]!(text);
    return manifest ? [{ ...manifest, directory: directoryOf(file.path) }] : [];
  });
}

function readPackageJson(text: string): Omit<Manifest, 'directory'> | null {
  const name = parsedName(text);
  return name === null ? null : { kind: 'npm', name };
}

function parsedName(text: string): string | null {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== 'object' || parsed === null || !('name' in parsed)) return null;
    return typeof parsed.name === 'string' && parsed.name !== '' ? parsed.name : null;
  } catch {
    // Not JSON (a template, a fixture): a package without a name.
    return null;
  }
}

function readGoMod(text: string): Omit<Manifest, 'directory'> | null {
  const name = /^\s*module\s+"?([^\s"]+)/m.exec(text)?.[1];
  return name === undefined ? null : { kind: 'go', name };
}

function readCargoToml(text: string): Omit<Manifest, 'directory'> | null {
  const section = /^\s*\[package\]([^[]{0,4000})/m.exec(text)?.[1];
  const name = /^\s*name\s*=\s*"([^"]+)"/m.exec(section ?? '')?.[1];
  return name === undefined ? null : { kind: 'cargo', name };
}
