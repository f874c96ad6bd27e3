import { expect, test } from 'vitest';
import { createListener } from '../../src/db/listen.ts';
import { createNotifier, listenForWakeUps } from '../../src/outbox/wake-up.ts';
import { connectTo, running, setStage } from '../support/stage.ts';
import { until } from '../support/until.ts';

test('what is told at once shares notifications, and every location is named', async () => {
  const stage = await setStage();
  const db = await connectTo(stage);
  const listener = createListener(stage.databaseUrl);
  await running(Promise.resolve(listener));
  const heard: string[][] = [];
  await listenForWakeUps(listener.listen, (locationIds) => heard.push(locationIds));

  const notify = createNotifier(db);
  const ids = Array.from({ length: 250 }, (_, n) => `venue-${n}`);
  for (const id of [...ids, ...ids, 'venue-last']) notify([id]);
  await until('the last is heard', async () => heard.flat().includes('venue-last'));
  expect(new Set(heard.flat())).toEqual(new Set([...ids, 'venue-last']));
  expect(heard.length).toBeLessThanOrEqual(4);
});
