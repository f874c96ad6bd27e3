/** What was checked, and how it is. `advice` says what to do, when there is something to do. */
export type Check = {
  name: string;
  state: 'ok' | 'warning' | 'failed' | 'skipped';
  message: string;
  advice?: string;
};

/** Makes the checks of one name. */
export function checksOf(name: string) {
  const check =
    (state: Check['state']) =>
    (message: string, advice?: string): Check => ({
      name,
      state,
      message,
      ...(advice && { advice }),
    });
  return { ok: check('ok'), warning: check('warning'), failed: check('failed'), skipped: check('skipped') };
}
