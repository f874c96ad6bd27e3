import { TemplateError } from './template-error.ts';

/** Milliseconds that a template has really worked for when it fails for the time it takes. */
const busyMs = 150;
const maxAttempts = 3;

/**
 * Works on a template, again when its time ran out while the machine stood still: the bound is in wall-clock time, and the
 * template did nothing wrong.
 * @throws what `work` throws.
 * @example retryIfStalled(() => compileTemplate(text));
 */
export function retryIfStalled<Result>(work: () => Result, attempt = 1): Result {
  const before = process.cpuUsage();
  try {
    return work();
  } catch (error) {
    const { user, system } = process.cpuUsage(before);
    const isOutOfTime = error instanceof TemplateError && error.message === 'The template takes too long.';
    if (!isOutOfTime || user + system >= busyMs * 1000 || attempt === maxAttempts) throw error;
    return retryIfStalled(work, attempt + 1);
  }
}
