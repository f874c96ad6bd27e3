import { readFile } from 'node:fs/promises';

/** Linux counts CPU time in hundredths of a second (USER_HZ). */
const ticksPerSecond = 100;

/** @returns the CPU seconds, user and system, that a process has used so far; NaN where there is no /proc. */
export async function cpuSeconds(pid: number): Promise<number> {
  const [user, system] = await readTimes(pid);
  return user + system;
}

/** @returns the same for a process with its children, those that have ended included: PostgreSQL and its backends. */
export async function treeCpuSeconds(pid: number): Promise<number> {
  const own = await readTimes(pid);
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const living = await Promise.all(
    children
      .trim()
      .split(/\s+/)
      .filter((child) => child !== '')
      .map((child) => cpuSeconds(Number(child)).catch(() => 0)),
  );
  return [...own, ...living].reduce((sum, seconds) => sum + (Number.isNaN(seconds) ? 0 : seconds), 0);
}

/** @returns the most memory that a process has had resident, in MiB; NaN where there is no /proc. */
export async function peakMemoryMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

/** User and system time of a process, and of its children that have ended. See proc(5). */
async function readTimes(pid: number): Promise<[number, number, number, number]> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const seconds = (index: number) => Number(fields[index]) / ticksPerSecond;
  return [seconds(11), seconds(12), seconds(13), seconds(14)];
}
