/** `node isomorphic-clone.ts <url> <directory>`: what isomorphic-git needs to mirror the default branch at depth 1. */
import fs from 'node:fs';
import git from 'isomorphic-git';
import http from 'isomorphic-git/http/node';

const [url, dir] = process.argv.slice(2) as [string, string];
const started = performance.now();
await git.clone({ fs, http, dir, url, depth: 1, singleBranch: true, noTags: true, noCheckout: true });
console.log(JSON.stringify({ seconds: (performance.now() - started) / 1000 }));
