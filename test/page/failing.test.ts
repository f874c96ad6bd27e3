import { expect, it } from 'vitest';
import { tellNotices } from '../../src/notices/tell.ts';
import { sender } from '../delivery/sending.ts';
import { makeFailingVenue } from '../notices/failing.ts';
import { adminKey } from '../support/service.ts';
import { createVisitor } from '../support/visitor.ts';

async function setScene() {
  const venue = await makeFailingVenue();
  const visitor = createVisitor(venue.api.url);
  await visitor.signIn(adminKey);
  const tabs = ['', '/webhooks', '/deliveries'].map((tab) => `/locations/${venue.locationId}${tab}`);
  /** What the banner of each tab says; null where there is none. */
  const bannersOf = () =>
    Promise.all(
      tabs.map(async (path) => {
        const { html } = await visitor.get(path);
        const [banner] =
          /<section[^>]*aria-label="Webhooks that keep failing".*?<\/section>/s.exec(html) ?? [];
        return banner ? banner.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ') : null;
      }),
    );
  return { ...venue, visitor, tabs, bannersOf };
}

it('a banner on each tab says which webhook keeps failing, why, and what to do, until it works again', async () => {
  const { send, pass, bannersOf, receiver, visitor, endpoint, locationId } = await setScene();
  const { host } = new URL(receiver.url);
  await send(500);
  await send(500);
  expect(await bannersOf()).toEqual([null, null, null]);
  await send(500);
  for (const banner of await bannersOf()) {
    expect(banner).toContain(`${host} has begun to fail`);
    expect(banner).toMatch(/Nothing has reached it since .* UTC : 3 failures in a row\. It answered 500/);
    expect(banner).not.toContain('secret');
  }
  await pass('25 hours');
  await send(401);
  const [banner] = await bannersOf();
  expect(banner).toContain(`${host} has failed for more than a day`);
  expect(banner).toContain('check the custom headers');
  const { html } = await visitor.get(`/locations/${locationId}`);
  for (const href of ['/resend', `/deliveries?endpointId=${endpoint.id}`, `/webhooks/${endpoint.id}`])
    expect(html).toContain(`href="/locations/${locationId}${href}"`);
  expect((await visitor.get(`/locations?q=${locationId}`)).html).toMatch(/1 of 1 webhook failing.*since/s);
  await send(204);
  expect(await bannersOf()).toEqual([null, null, null]);
});

it('an admin chooses that failing webhooks are switched off, sees one that was, and resumes it', async () => {
  const { send, pass, bannersOf, visitor, tabs, endpoint, locationId, db, api, path } = await setScene();
  const [, webhooks = ''] = tabs;
  await visitor.get(webhooks);
  expect((await visitor.post(`${webhooks}/failing`, { hours: '48' })).location).toBe(webhooks);
  expect((await api.get(path)).body).toMatchObject({ title: 'Kamen Test', disableFailingAfterHours: 48 });
  expect((await visitor.get(webhooks)).html).toMatch(
    /<option value="48" selected[^>]*>\s*is switched off after 2 days/,
  );
  for (const _ of [1, 2, 3]) await send(500);
  await pass('48 hours');
  await send(500);
  await tellNotices(db, sender(), null);
  for (const banner of await bannersOf())
    expect(banner).toMatch(/was switched off It failed for 48 hours without a success/);
  expect((await visitor.get(`/locations?q=${locationId}`)).html).toContain('1 webhook switched off');
  expect((await visitor.get(`/locations/${locationId}/audit`)).html).toContain('Bellhop itself');
  const page = `${webhooks}/${endpoint.id}`;
  expect((await visitor.get(page)).html).toContain('We switched it off.');
  await visitor.post(`${page}/enabled`, { enabled: 'true' });
  expect(await bannersOf()).toEqual([null, null, null]);
  await visitor.post(`${webhooks}/failing`, { hours: '' });
  expect((await api.get(path)).body.disableFailingAfterHours).toBe(null);
  const refused = await visitor.post(`${webhooks}/failing`, { hours: '9999' });
  expect([refused.status, refused.html]).toEqual([422, expect.stringContaining('must be at most 720')]);
});
