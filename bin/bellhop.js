#!/usr/bin/env node
// Plain JavaScript: it brings what runs the rest, which is TypeScript.
import { fileURLToPath } from 'node:url';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`Bellhop needs Node.js 20.19 or newer; this is ${process.versions.node}.\n`);
  process.exit(1);
}
const { register } = await import('tsx/esm/api');
// Ours, not one of the folder that the command is called in.
register({ tsconfig: fileURLToPath(new URL('../tsconfig.json', import.meta.url)) });
const { runCli } = await import('../src/cli.ts');
await runCli(process.argv.slice(2));
