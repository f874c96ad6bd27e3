import { execFile } from 'node:child_process';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { withSql } from '../db/dump.ts';
import { startReceiver } from '../support/receiver.ts';
import { adminKey, startTestService } from '../support/service.ts';
import { running } from '../support/stage.ts';
import { type Block, blocksOf, pages } from './pages.ts';

// Whole tutorials, and services that they start, on a machine that is busy.
vi.setConfig({ testTimeout: 300_000 });

/** Those of docs/receiving.md have a test of their own, which knows what they answer. */
const commands = pages
  .filter((page) => page !== 'docs/receiving.md')
  .flatMap(blocksOf)
  .filter(({ language }) => language === 'sh' || language === 'bash');
const runnable = commands.filter(({ marks }) => !marks.includes('no-run'));

it.each([...new Set(runnable.map(({ page }) => page))])(
  'the commands of %s do what they are for, one after the other',
  async (page) => {
    const { failed, said } = await runPage(runnable.filter((block) => block.page === page));
    if (failed) throw new Error(`${page}:${failed.line} failed.\n${failed.text}\n${said}`);
    for (const answer of answersIn(page)) expect(said).toContain(answer);
  },
);

/** What a page says that its commands print, in comments behind them; where it holds no id. */
function answersIn(page: string): string[] {
  const comments = runnable
    .filter((block) => block.page === page)
    .flatMap(({ text }) => [...text.matchAll(/^# (["{].*)$/gm)].map(([, answer = '']) => answer));
  return comments.filter((answer) => !/\.\.\.|[\da-f]{8}-/.test(answer));
}

it.each(commands.filter(({ marks }) => marks.includes('no-run')))(
  'what is named by the commands of $page, line $line, is there',
  ({ text }) => {
    const { scripts }: { scripts: object } = JSON.parse(readFileSync('package.json', 'utf8'));
    const named = [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name);
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(named));
    const paths = [
      ...text.matchAll(/(?<![\w./-])((?:src|test|docs|deploy|examples|drizzle|\.ci)\/[\w./-]*)/g),
    ];
    const made = readFileSync('.gitignore', 'utf8').split('\n');
    const missing = paths.map(([, path = '']) => path).filter((path) => !existsSync(path));
    expect(missing.filter((path) => !made.includes(path))).toEqual([]);
  },
);

it('the statements of docs/operations.md run', async () => {
  const { databaseUrl } = await running(startTestService());
  const statements = blocksOf('docs/operations.md').filter(({ language }) => language === 'sql');
  expect(statements.length).toBeGreaterThan(3);
  for (const { line, text } of statements)
    await withSql(databaseUrl, (sql) => sql.unsafe(text)).catch((cause: unknown) => {
      throw new Error(`docs/operations.md:${line} failed.`, { cause });
    });
});

it('a command that fails, is answered with an error, or installs, fails its page', async () => {
  const block = { page: 'x', language: 'sh', marks: [] };
  const blocks = ['true', 'curl -sS http://127.0.0.1:8080/nowhere | cat', 'true'].map((text, line) => ({
    ...block,
    line,
    text,
  }));
  expect((await runPage(blocks)).failed?.line).toBe(1);
  expect((await runPage([{ ...block, line: 5, text: 'npm ci && true' }])).failed?.line).toBe(5);
  const refused = { ...block, line: 7, marks: ['refused'], text: 'curl -sS http://127.0.0.1:8080/healthz' };
  expect((await runPage([refused])).failed?.line).toBe(7);
});

/** Runs the blocks of a page in one shell, as a reader would, against a service and a receiver of their own. */
async function runPage(blocks: Block[]): Promise<{ failed: Block | undefined; said: string }> {
  const { url, api } = await running(startTestService());
  await api.put('/v1/locations/kamen-test', { title: 'Kamen Test' });
  const receiver = await running(startReceiver());
  const folder = await likeCheckout();
  await writeFile(join(folder, 'photo.jpg'), 'a photo');
  // A page that starts a service of its own says where it is to be.
  const startsOwn = blocks.some(({ text }) => /\bnpm start\b/.test(text));
  const ports = { own: await findPort(), other: await findPort() };
  const service = startsOwn ? `http://127.0.0.1:${ports.own}` : url;
  const adapt = (text: string) =>
    text
      .replaceAll(/http:\/\/127\.0\.0\.1:8080|https:\/\/hooks\.example\.com/g, service)
      .replaceAll(/https:\/\/\w+\.example\.com/g, receiver.url)
      .replaceAll(/\b(3000|9090)\b/g, String(ports.other))
      .replaceAll("'the key that the first start printed'", '"$PRINTED_KEY"')
      .replaceAll("'an API key'", '"$PRINTED_KEY"');
  await writeFile(
    join(folder, 'page.sh'),
    `${prelude}\n${blocks.map((block, n) => step({ ...block, text: adapt(block.text) }, n)).join('\n')}\n`,
  );
  const env = {
    PATH: process.env['PATH'],
    HOME: folder,
    TMPDIR: process.env['TMPDIR'] ?? '/tmp',
    PRINTED_KEY: adminKey,
    OTHER_PORT: String(ports.other),
    ...(startsOwn && { PORT: String(ports.own) }),
  };
  const { code, said } = await runBash(folder, env);
  const reached = Number([...said.matchAll(/^@@ (\d+)$/gm)].at(-1)?.[1] ?? 0);
  return { failed: code === 0 ? undefined : blocks[reached], said };
}

/**
 * An answer that is an error fails; what stays is waited for until it says that it is there, and ends with the page. The key
 * of the first start is taken from what it printed.
 */
const prelude = `
set -euo pipefail
npm() { case $1 in ci | i | install) echo 'Installing is not for a test: mark it no-run.'; return 1 ;; *) command npm "$@" ;; esac; }
curl() { command curl --fail-with-body --max-time 60 "$@"; }
staying=()
end() {
  for group in "\${staying[@]}"; do kill -- "-$group" 2>/dev/null || true; done
  kill $(jobs -p) 2>/dev/null || true
  wait
  # A service ends after the shell that began it: its folder is removed next.
  for group in "\${staying[@]}"; do while kill -0 -- "-$group" 2>/dev/null; do sleep 0.1; done; done
}
trap end EXIT
seen() {
  for _ in $(seq 240); do
    grep -qE 'ready|listening|watching' "$1" && break
    sleep 0.5
  done
  cat "$1"
  grep -qE 'ready|listening|watching' "$1"
  PRINTED_KEY=$(grep -oE 'bellhop_[A-Za-z0-9_-]{43}' "$1" || printf %s "$PRINTED_KEY")
}
listens() { for _ in $(seq 600); do (: < "/dev/tcp/127.0.0.1/$OTHER_PORT") 2>/dev/null && return; sleep 0.1; done; return 1; }
`;

function step({ text, marks }: Block, n: number): string {
  const run = marks.includes('stays')
    ? `set -m; { ${text.trim()}\n} > stays.${n} 2>&1 & staying+=($!); set +m; seen stays.${n}`
    : marks.includes('refused')
      ? `if { ${text.trim()}\n}; then echo 'It was not refused.'; exit 1; fi`
      : text;
  return `echo; echo '@@ ${n}'\n${run}${/ &$/m.test(text) ? '\nlistens' : ''}`;
}

/** A folder with everything of the checkout, to which commands may write without changing it. */
async function likeCheckout(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-docs-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const name of await readdir('.')) symlinkSync(join(process.cwd(), name), join(folder, name));
  await rm(join(folder, 'data'), { force: true });
  return folder;
}

async function findPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function runBash(cwd: string, env: NodeJS.ProcessEnv): Promise<{ code: unknown; said: string }> {
  return new Promise((resolve) => {
    const child = execFile('bash', ['page.sh'], { cwd, env }, (error, stdout, stderr) =>
      resolve({ code: error ? error.code : 0, said: stdout + stderr }),
    );
    onTestFinished(() => void child.kill());
  });
}
