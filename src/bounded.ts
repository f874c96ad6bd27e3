import { createContext, Script } from 'node:vm';

const context = createContext({});
const script = new Script('run()');

/**
 * Runs a synchronous function, and ends it by an exception when its time is over: even inside a regular expression.
 * One built-in operation of the engine, such as a search in a long text, is not cut: bound its input.
 * @param maxMs milliseconds that `run` may take.
 * @returns what `run` returns.
 * @throws what `run` throws; `ERR_SCRIPT_EXECUTION_TIMEOUT`, an error of another realm, when the time is over.
 * @example bounded(() => validate(data), 100);
 */
export function bounded<Result>(run: () => Result, maxMs: number): Result {
  const results: { value: Result }[] = [];
  context['run'] = () => {
    results.push({ value: run() });
  };
  try {
    script.runInContext(context, { timeout: maxMs });
  } finally {
    delete context['run']; // it holds on to its data
  }
  const [result] = results;
  if (!result) throw new Error('The function did not run.');
  return result.value;
}
