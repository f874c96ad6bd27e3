import type { Mistake } from './answers.ts';

/** The command line itself is wrong: exit code 2. `hint` says what to do. */
export class UsageError extends Error {
  override name = 'UsageError';
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** What more is known of a failure. `status` is that of the API's answer; none: there was no answer. */
type FailureDetails = {
  hint?: string;
  status?: number;
  requestId?: string;
  errors?: Mistake[];
  cause?: unknown;
};

/** A command failed: exit code 1. */
export class CommandError extends Error {
  override name = 'CommandError';
  readonly details: Omit<FailureDetails, 'cause'>;

  constructor(message: string, { cause, ...details }: FailureDetails = {}) {
    super(message, { cause });
    this.details = details;
  }
}

/** The words of an error, with those of its cause. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError && error.message === '') return describeError(error.errors[0]);
  return error.cause instanceof Error ? `${error.message}: ${describeError(error.cause)}` : error.message;
}

/** Whether the next try may go well: nothing answered, or Bellhop is busy or about to come back. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof CommandError)) return false;
  const { status } = error.details;
  return status === undefined || status === 429 || status >= 500;
}
