import { type Check, checksOf } from './check.ts';

/** Milliseconds by which clocks may differ before somebody notices, and before receivers refuse what is signed by ours. */
const noticeableMs = 2000;
const refusedMs = 300_000;

/** Compares our clock to another one. @param aheadMs how much that one is ahead of ours. */
export function examineClock(whose: string, aheadMs: number): Check {
  const { ok, warning, failed } = checksOf('Clock');
  const offMs = Math.round(Math.abs(aheadMs));
  const message = `${offMs} ms ${aheadMs < 0 ? 'ahead of' : 'behind'} ${whose}`;
  const advice = 'Let both machines set their clocks by NTP, e.g. with chrony or systemd-timesyncd.';
  if (offMs >= refusedMs) return failed(`${message}: receivers refuse signatures of another time`, advice);
  return offMs >= noticeableMs ? warning(message, advice) : ok(message);
}
