import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv, promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { readConfig } from '../../src/config.ts';
import { blockedRanges } from '../../src/delivery/blocked-ranges.ts';
import { startTestService } from '../support/service.ts';
import { running } from '../support/stage.ts';
import { stopLimitMs, variables, version } from './described.ts';

const folder = 'deploy/kubernetes';
const objects = readdirSync(folder)
  .filter((file) => file !== 'kustomization.yaml')
  .flatMap((file) => parseAllDocuments(readFileSync(`${folder}/${file}`, 'utf8'), { merge: true }))
  .map((document) => document.toJS());
const all = (kind: string) => objects.filter((object) => object.kind === kind);
const workloads = [...all('Deployment'), ...all('Job')];
const containers = workloads.flatMap(({ spec }) => spec.template.spec.containers);
const deployed = all('Deployment').map(({ metadata, spec }) => {
  const [container] = spec.template.spec.containers;
  return { name: metadata.name, spec: spec.template.spec, container };
});

it('Kubernetes: all is in one namespace, which takes restricted pods alone, and only what may be applied at once is listed', () => {
  const [namespace] = all('Namespace');
  expect(namespace.metadata.labels['pod-security.kubernetes.io/enforce']).toBe('restricted');
  const elsewhere = objects.filter(({ metadata }) => metadata.namespace !== 'bellhop');
  expect(elsewhere.map(({ kind }) => kind)).toEqual(['Namespace']);
  const { resources } = parse(readFileSync(`${folder}/kustomization.yaml`, 'utf8'));
  const files = readdirSync(folder).filter((file) => !['kustomization.yaml', 'migrate.yaml'].includes(file));
  expect(resources.toSorted()).toEqual(files.filter((file) => !file.startsWith('secret')).toSorted());
});

it('Kubernetes: each pod is restricted, has bounds, and can write to nothing but /tmp', () => {
  expect(workloads).toHaveLength(3);
  for (const { spec } of workloads)
    expect(spec.template.spec).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 1000,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      volumes: [{ name: 'tmp', emptyDir: { sizeLimit: '64Mi' } }],
    });
  for (const container of containers)
    expect(container).toMatchObject({
      image: `registry.example.com/bellhop:${version}`,
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      },
      resources: { requests: { memory: expect.anything() }, limits: { memory: expect.anything() } },
      volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
    });
});

it('Kubernetes: the environment is one that Bellhop reads, from secrets and settings that are there', () => {
  const names = [...all('Secret'), ...all('ConfigMap')].map(({ metadata }) => metadata.name);
  const keys = [...all('Secret'), ...all('ConfigMap')].flatMap(({ data, stringData }) =>
    Object.keys({ ...data, ...stringData }),
  );
  const given = containers.flatMap(({ env }) => env.map(({ name }: { name: string }) => name));
  expect(variables).toEqual(expect.arrayContaining([...keys, ...given]));
  const sources = containers.flatMap(({ env, envFrom = [] }) => [
    ...envFrom.map((from: Source) => from.secretRef?.name ?? from.configMapRef?.name),
    ...env.flatMap(({ valueFrom }: { valueFrom?: { secretKeyRef: { name: string } } }) =>
      valueFrom ? [valueFrom.secretKeyRef.name] : [],
    ),
  ]);
  expect(new Set(sources)).toEqual(new Set(names));
});

type Source = { secretRef?: { name: string }; configMapRef?: { name: string } };

it('Kubernetes: each role has its own deployment, and everything that names one means it', () => {
  expect(deployed.map(({ name, container }) => [name, container.env])).toEqual([
    ['bellhop-api', [{ name: 'ROLE', value: 'api' }]],
    ['bellhop-dispatcher', [{ name: 'ROLE', value: 'dispatcher' }]],
  ]);
  for (const { metadata, spec } of all('Deployment')) {
    const { labels } = spec.template.metadata;
    expect(spec.selector.matchLabels).toEqual(labels);
    const [budget] = all('PodDisruptionBudget').filter((one) => one.metadata.name === metadata.name);
    expect(budget.spec).toEqual({ maxUnavailable: 1, selector: { matchLabels: labels } });
    expect(spec.template.spec.topologySpreadConstraints[0].labelSelector.matchLabels).toEqual(labels);
  }
  const [{ spec: service }] = all('Service');
  expect(service.selector['app.kubernetes.io/component']).toBe('api');
  expect(all('HorizontalPodAutoscaler')[0].spec.scaleTargetRef.name).toBe('bellhop-api');
});

it.each(['api', 'dispatcher'])(
  'Kubernetes: a process with the role %s answers what it is probed by',
  async (role) => {
    const { container } = deployed.find(({ name }) => name === `bellhop-${role}`) ?? {};
    const { url } = await running(startTestService({ ROLE: role }));
    const probes = [container.startupProbe, container.livenessProbe, container.readinessProbe];
    expect(probes.map(({ httpGet }) => httpGet.path)).toEqual(['/healthz', '/healthz', '/readyz']);
    for (const { httpGet } of probes) {
      expect(container.ports).toContainEqual({ name: httpGet.port, containerPort: 8080 });
      expect((await fetch(url + httpGet.path)).status).toBe(200);
    }
    // The answer that the database is away takes 2 s.
    expect(container.readinessProbe.timeoutSeconds).toBeGreaterThan(2);
  },
);

it('Kubernetes: a pod is given the time that a stop may take, after what comes before it', () => {
  for (const { spec, container } of deployed) {
    const pauseSeconds = Number(container.lifecycle?.preStop.exec.command[1] ?? 0);
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(pauseSeconds + stopLimitMs / 1000);
  }
});

it('Kubernetes: nothing goes out to an address that the URL policy forbids', () => {
  const [{ spec }] = all('NetworkPolicy');
  expect(spec).toMatchObject({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
  const open = spec.egress.at(-1).to.map(({ ipBlock }: { ipBlock: Block }) => ipBlock);
  const [ipv4, ipv6] = open;
  expect([ipv4.cidr, ipv6.cidr]).toEqual(['0.0.0.0/0', '2000::/3']);
  expect(new Set(ipv4.except)).toEqual(new Set(inside(/\./)));
  // 2001::/32 is inside 2001::/23; the others are not in 2000::/3.
  expect(new Set([...ipv6.except, '2001::/32'])).toEqual(new Set(inside(/^(2|3)\w{3}:/)));
});

type Block = { cidr: string; except: string[] };
const inside = (pattern: RegExp) =>
  blockedRanges.map(({ range }) => range).filter((range) => pattern.test(range));

const { services, volumes, networks } = parse(readFileSync('deploy/compose.yaml', 'utf8'));

it('Compose: both services are restricted, and PostgreSQL is ready before Bellhop starts and has no way out', () => {
  for (const service of Object.values(services))
    expect(service).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      image: expect.stringMatching(/:\d/),
      env_file: expect.stringMatching(/^\w+\.env$/),
    });
  expect(services.bellhop).toMatchObject({
    image: `bellhop:${version}`,
    build: '..',
    depends_on: { database: { condition: 'service_healthy' } },
    ports: ['127.0.0.1:8080:8080'],
    stop_grace_period: '20s',
  });
  expect(services.database.networks).toEqual(['database']);
  expect(networks.database).toEqual({ internal: true });
  expect(services.database.volumes).toEqual([`${Object.keys(volumes)[0]}:/var/lib/postgresql/data`]);
  expect(Number.parseInt(services.bellhop.stop_grace_period, 10)).toBeGreaterThan(stopLimitMs / 1000);
});

it('Compose: the files with secrets that the docs make are what both services need', async () => {
  const page = readFileSync('docs/operations.md', 'utf8');
  const [, make = ''] = /^```sh\n(umask.*?)^```$/ms.exec(page) ?? [];
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-compose-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await promisify(execFile)('bash', ['-euc', make], { cwd: folder });
  const read = async (file: string) => parseEnv(await readFile(join(folder, file), 'utf8'));
  const { POSTGRES_PASSWORD: password } = await read(services.database.env_file);
  const { POSTGRES_USER: user, POSTGRES_DB: database } = services.database.environment;
  const environment = await read(services.bellhop.env_file);
  expect(readConfig(environment).DATABASE_URL).toBe(
    `postgres://${user}:${password}@database:5432/${database}`,
  );
  expect(variables).toEqual(expect.arrayContaining(Object.keys(environment)));
  expect((await stat(join(folder, services.bellhop.env_file))).mode & 0o077).toBe(0);
});

const unit = readFileSync('deploy/systemd/bellhop.service', 'utf8');
const setting = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1] ?? '';

it('systemd: the unit runs the command of `npm start` as a user of its own, and stops it as it wants to be stopped', () => {
  const { scripts }: { scripts: { start: string } } = JSON.parse(readFileSync('package.json', 'utf8'));
  expect(setting('ExecStart')).toBe(scripts.start.replace('exec node', '/usr/bin/node'));
  expect(setting('User')).toBe('bellhop');
  expect([setting('KillMode'), setting('Restart')]).toEqual(['mixed', 'on-failure']);
  expect(Number.parseInt(setting('TimeoutStopSec'), 10)).toBeGreaterThan(stopLimitMs / 1000);
  expect(setting('Environment')).toContain(`DATA_DIR=/var/lib/${setting('StateDirectory')}`);
  expect(Number(setting('LimitNOFILE'))).toBeGreaterThanOrEqual(8192);
  // V8 could not compile.
  expect(setting('MemoryDenyWriteExecute')).toBe('');
});
