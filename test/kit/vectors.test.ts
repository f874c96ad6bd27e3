import { execFile, spawnSync } from 'node:child_process';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { Webhook } from 'standardwebhooks';
import { expect, it, onTestFinished, vi } from 'vitest';
import { verify as verifyInDelivery } from '../../src/delivery/signature.ts';
import { VerificationError, verify } from '../../src/kit/receiver.ts';
import { type Vector, vectors } from './vectors.ts';

const file = resolve('test/kit/vectors.json');

it('vectors.json holds them, for every language', async () => {
  await expect(`${JSON.stringify(vectors, null, 2)}\n`).toMatchFileSnapshot(file);
});

it.each(vectors)('the kit agrees on $name', async ({ secrets, now, headers, body, valid }) => {
  const verified = verify({ headers, body }, secrets, { now: new Date(now * 1000) });
  const isBelieved = await verified.then(
    ({ events }) => events.length === 2,
    (error: unknown) => {
      expect(error).toBeInstanceOf(VerificationError);
      return false;
    },
  );
  expect(isBelieved).toBe(valid);
});

it('the package standardwebhooks agrees on all of them', () => {
  expect(vectors.map(believesStandardWebhooks)).toEqual(vectors.map(({ valid }) => valid));
});

function believesStandardWebhooks({ secrets, now, headers, body }: Vector): boolean {
  vi.useFakeTimers({ toFake: ['Date'], now: now * 1000 });
  onTestFinished(() => void vi.useRealTimers());
  return secrets.some((secret) => {
    try {
      new Webhook(secret).verify(body, headers, { jsonParse: false });
      return true;
    } catch {
      return false;
    }
  });
}

it('what verifies incoming webhooks agrees on all of them', () => {
  const believed = vectors.map(({ secrets, now, headers, body }) => {
    const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } = headers;
    const message = { id: id ?? '', timestamp: timestamp ?? '', signature: signature ?? '' };
    return secrets.some((secret) => id && verifyInDelivery(secret, message, body, new Date(now * 1000)));
  });
  expect(believed.map(Boolean)).toEqual(vectors.map(({ valid }) => valid));
});

/** How each language runs its example over the vectors, and prints a JSON list of what it believes. */
const languages = [
  {
    command: 'python3',
    version: ['--version'],
    example: 'verify.py',
    harness: `
import json, sys
from verify import verify
print(json.dumps([verify(v["headers"], v["body"].encode(), v["secrets"], v["now"]) for v in json.load(open(sys.argv[1], encoding="utf8"))]))`,
    args: ['harness'],
  },
  {
    command: 'php',
    version: ['--version'],
    example: 'verify.php',
    harness: `<?php
require __DIR__ . '/verify.php';
$vectors = json_decode(file_get_contents($argv[1]), true);
echo json_encode(array_map(fn($v) => verify($v['headers'], $v['body'], $v['secrets'], $v['now']), $vectors));`,
    args: ['harness'],
  },
  {
    command: 'ruby',
    version: ['--version'],
    example: 'verify.rb',
    harness: `
require "json"
require_relative "verify"
vectors = JSON.parse(File.read(ARGV[0], encoding: "UTF-8"))
puts JSON.dump(vectors.map { |v| verify(v["headers"], v["body"], v["secrets"], v["now"]) })`,
    args: ['harness'],
  },
  {
    command: 'go',
    version: ['version'],
    example: 'verify.go',
    harness: `package main

import (
	"encoding/json"
	"net/http"
	"os"
	"time"
)

func main() {
	var vectors []struct {
		Headers map[string]string
		Body    string
		Secrets []string
		Now     int64
	}
	text, _ := os.ReadFile(os.Args[1])
	if err := json.Unmarshal(text, &vectors); err != nil {
		panic(err)
	}
	believed := []bool{}
	for _, v := range vectors {
		headers := http.Header{}
		for name, value := range v.Headers {
			headers.Set(name, value)
		}
		believed = append(believed, verify(headers, []byte(v.Body), v.Secrets, time.Unix(v.Now, 0)))
	}
	json.NewEncoder(os.Stdout).Encode(believed)
}
`,
    args: ['run', 'verify.go', 'harness.go'],
  },
];

for (const { command, version, example, harness, args } of languages) {
  const isMissing = spawnSync(command, version).status !== 0;
  const why = isMissing ? ` (skipped: ${command} is not installed here)` : '';

  it.skipIf(isMissing)(`examples/${example} agrees on all of them${why}`, { timeout: 120_000 }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bellhop-vectors-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await copyFile(`examples/${example}`, join(folder, example));
    const harnessFile = command === 'go' ? 'harness.go' : 'harness';
    await writeFile(join(folder, harnessFile), harness);
    const { stdout } = await promisify(execFile)(command, [...args, file], {
      cwd: folder,
      env: { ...process.env, GO111MODULE: 'off', GOCACHE: join(folder, 'cache') },
    });
    expect(JSON.parse(stdout)).toEqual(vectors.map(({ valid }) => valid));
  });
}
