import type { Database } from '../db/client.ts';
import type { Sender } from '../delivery/attempt.ts';
import { disableFailing } from './disable.ts';
import { raiseNotices } from './raise.ts';
import { abandonNotices, type Operator, sendNotices } from './send.ts';

/**
 * One round about the endpoints that keep failing: disables those whose location has chosen so, raises what there is to be told,
 * and sends it to the operator's endpoint, when there is one.
 * @returns how much it did; 0: there is nothing to do.
 */
export async function tellNotices(db: Database, sender: Sender, operator: Operator | null): Promise<number> {
  const disabled = await disableFailing(db);
  const raised = await raiseNotices(db);
  const abandoned = await abandonNotices(db);
  const sent = operator ? await sendNotices(db, sender, operator) : 0;
  return disabled + raised + abandoned + sent;
}
