/** Milliseconds after which no answer of the database comes any more: it ended the statement itself long before, after 30 s. */
const overdueMs = 45_000;

/** What was asked of the database was never answered. */
class Overdue extends Error {
  override name = 'Overdue';
  readonly code = 'ETIMEDOUT';
}

/**
 * The result of work on the database that many others wait for: nobody waits for it for ever, whatever the driver does.
 * @throws Overdue when nothing came for 45 s; whether it was carried out is not known.
 */
export async function notOverdue<Result>(work: Promise<Result>, patienceMs = overdueMs): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Overdue('The database has not answered.')), patienceMs);
  });
  try {
    return await Promise.race([work, overdue]);
  } finally {
    clearTimeout(timer);
  }
}
