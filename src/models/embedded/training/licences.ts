/** Which licence a repository's own licence files are, by their wording. Not a legal review. */
import { blobsOf, filesOf } from './git.ts';

/** Licences under which a repository may be trained on. */
export const PERMISSIVE: ReadonlySet<string> = new Set([
  'MIT',
  'ISC',
  'BSD',
  'Apache-2.0',
  'BSL-1.0',
  'Zlib',
  'Unlicense',
  'PSF-2.0',
]);

const LICENCE_FILE = /^(?:MIT-)?(?:LICEN[CS]E|COPYING|UNLICENSE)(?:[-._][\w.-]*)?$/i;
const NOT_ITS_OWN = /dependenc|third|header|logo|docs?\b/i;

/** The first that fits decides, so what forbids stands before what permits. */
const WORDINGS: [licence: string, wording: RegExp][] = [
  ['AGPL', /GNU AFFERO GENERAL PUBLIC LICENSE/i],
  ['LGPL', /GNU (?:LESSER|LIBRARY) GENERAL PUBLIC LICENSE/i],
  ['GPL', /GNU GENERAL PUBLIC LICENSE/i],
  ['BUSL-1.1', /Business Source License/i],
  ['SSPL', /Server Side Public License/i],
  ['MPL-2.0', /Mozilla Public License/i],
  ['EPL', /Eclipse Public License/i],
  ['Commons-Clause', /Commons Clause/i],
  ['Artistic', /Artistic License/i],
  ['RPL', /Reciprocal Public License/i],
  [
    'Apache-2.0',
    /Apache License,?\s+Version 2\.0|Apache License\s+2\.0|www\.apache\.org\/licenses\/LICENSE-2\.0/i,
  ],
  ['BSL-1.0', /Boost Software License/i],
  ['Zlib', /This software is provided ['"‘`]?as-is['"’`]*, without any express or implied\s+warranty/i],
  ['Unlicense', /free and unencumbered software released into the public domain/i],
  [
    'ISC',
    /Permission to use, copy, modify, and(?:\/or)? distribute this software for any\s+purpose with or without fee/i,
  ],
  ['MIT', /Permission is hereby granted, free of charge, to any person/i],
  ['BSD', /Redistribution and use in source and binary forms/i],
  ['PSF-2.0', /PYTHON SOFTWARE FOUNDATION LICENSE/i],
];

/** The licences of a commit's top-level licence files, sorted; several mean a choice or a mixture. Empty: none was found. */
export async function licencesOf(directory: string, commit: string): Promise<string[]> {
  const files = (await filesOf(directory, commit)).filter(
    ({ path }) => LICENCE_FILE.test(path) && !NOT_ITS_OWN.test(path),
  );
  const found = new Set<string>();
  for await (const bytes of blobsOf(
    directory,
    files.map((file) => file.oid),
  )) {
    const text = bytes ? Buffer.from(bytes).toString('utf8').replace(/\s+/g, ' ') : '';
    const licence = WORDINGS.find(([, wording]) => wording.test(text))?.[0];
    if (licence) found.add(licence);
  }
  return [...found].sort();
}

/** Whether all licences that were found permit it. */
export function isPermissive(licences: readonly string[]): boolean {
  return licences.length > 0 && licences.every((licence) => PERMISSIVE.has(licence));
}
