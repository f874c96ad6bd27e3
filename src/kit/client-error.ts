type Problem = {
  status: number;
  detail: string;
  requestId: string;
  title?: string;
  errors?: BellhopError['errors'];
};

/** What Bellhop says of a request that it refused, such as a trigger: nothing was sent to anybody. */
export class BellhopError extends Error {
  override name = 'BellhopError';
  /** The HTTP status of the refusal, e.g. 404: no such webhook, 422: what was handed over does not fit. */
  readonly status: number;
  /** What the status is called, e.g. `Not Found`. */
  readonly title: string;
  readonly requestId: string;
  /** What is wrong with which member, for a 422. */
  readonly errors: { path: string; message: string }[];
  /** Seconds after which it may be tried again, where Bellhop says so. */
  readonly retryAfterSeconds: number | undefined;

  constructor(problem: Problem, retryAfterSeconds?: number) {
    super(problem.detail);
    this.status = problem.status;
    this.title = problem.title ?? '';
    this.requestId = problem.requestId;
    this.errors = problem.errors ?? [];
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Reads the refusal in an answer that is not a 2xx. One that is not of Bellhop, such as a proxy's, has no `requestId`. */
export async function toError(response: Response): Promise<BellhopError> {
  const body: unknown = await response.json().catch(() => null);
  const { status } = response;
  const problem = isProblem(body) ? body : { detail: `Bellhop answered ${status}.`, requestId: '' };
  const seconds = Number.parseInt(response.headers.get('retry-after') ?? '', 10);
  return new BellhopError({ ...problem, status }, Number.isNaN(seconds) ? undefined : seconds);
}

/** Whether the same request may go well later: no answer came, or one that says so. */
export function isPassing(error: unknown): boolean {
  return !(error instanceof BellhopError) || error.status === 429 || error.status >= 500;
}

function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && 'detail' in body && 'requestId' in body;
}
