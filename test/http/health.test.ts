import { expect, it, onTestFinished, vi } from 'vitest';
import { connect } from '../../src/db/client.ts';
import { healthRoutes } from '../../src/http/health.ts';
import { createTestDatabase } from '../support/database.ts';

it('requests at the same time ask the database once, later ones again', async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const db = connect(database.url, { max: 10 });
  onTestFinished(() => db.$client.end());
  const query = vi.fn<typeof Reflect.apply>(Reflect.apply);
  const sql = new Proxy(db.$client, { apply: query });
  const routes = healthRoutes(new Proxy(db, { get: (_, name) => (name === '$client' ? sql : undefined) }));
  for (let round = 1; round <= 3; round += 1) {
    const answers = await Promise.all(Array.from({ length: 100 }, async () => routes.request('/readyz')));
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect(query).toHaveBeenCalledTimes(round);
  }
});
