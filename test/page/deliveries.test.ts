import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openStream } from '../support/event-stream.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { adminKey, startTestService, type TestService } from '../support/service.ts';
import { until } from '../support/until.ts';
import { addEndpoint, addLocation, handOver, newEvent } from '../support/venue.ts';
import { createVisitor, type Visitor } from '../support/visitor.ts';

let service: TestService;
let receiver: Receiver;
let visitor: Visitor;
let location: string;
let path: string;

beforeAll(async () => {
  service = await startTestService();
  receiver = await startReceiver();
  receiver.answerWith((request, response) => response.writeHead(request.url === '/bad' ? 500 : 204).end());
  visitor = createVisitor(service.url);
  await visitor.signIn(adminKey);
});
afterAll(async () => {
  await service.stop();
  await receiver.stop();
});
beforeEach(async () => {
  location = await addLocation(service.api);
  path = `/locations/${location}/deliveries`;
});

type Listed = { id: string; endpointId: string; outcome: string; test: boolean; resendOf: string | null };

/** The deliveries of the location once so many have ended, newest first. */
async function ended(count: number, at = location): Promise<Listed[]> {
  return until(`${count} deliveries have ended`, async () => {
    const { body } = await service.api.get(`/v1/locations/${at}/deliveries?limit=1000`);
    const outcomes = body.items.map(({ outcome }: Listed) => outcome);
    return outcomes.length === count && !outcomes.includes('sending') && body.items;
  });
}

/** The ids of the rows of a page, from its top. */
function rowsOf(html: string): string[] {
  return [...html.matchAll(/<tr id="delivery-([^"]+)"/g)].map(([, id = '']) => id);
}

/** What people read: the text without its tags. */
function textOf(html: string): string {
  return html
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/&#39;|&quot;/g, "'")
    .replaceAll(/\s+/g, ' ');
}

/** The path of a link by its words. */
function linkOf(html: string, words: string): string {
  const [, href = ''] = new RegExp(`<a[^>]* href="([^"]*)"[^>]*>\\s*${words}\\s*</a>`).exec(html) ?? [];
  return href.replaceAll('&amp;', '&');
}

/** A webhook that answers 204, one that answers 500, and a delivery at each. */
async function addBoth() {
  const good = await addEndpoint(service.api, location, `${receiver.url}/good`);
  const bad = await addEndpoint(service.api, location, `${receiver.url}/bad`);
  const event = newEvent(location);
  await handOver(service.api, event);
  const deliveries = await ended(2);
  const idAt = (endpoint: { id: string }) =>
    deliveries.find(({ endpointId }) => endpointId === endpoint.id)?.id;
  return { good, bad, event, delivered: idAt(good) ?? '', failed: idAt(bad) ?? '' };
}

describe('the log', () => {
  it('says what to do while there is nothing in it', async () => {
    const without = await visitor.get(path);
    expect(textOf(without.html)).toContain('There is no webhook to send to.');
    expect(linkOf(without.html, 'Add the first webhook')).toBe(`/locations/${location}/webhooks/new`);
    await addEndpoint(service.api, location, receiver.url);
    const { status, html } = await visitor.get(path);
    expect(status).toBe(200);
    expect(textOf(html)).toContain('No deliveries yet');
    expect(linkOf(html, 'Choose a webhook to test')).toBe(`/locations/${location}/webhooks`);
  });

  it('tells newest first how each went, in words and in short', async () => {
    const { bad, failed } = await addBoth();
    await service.api.post(`/v1/locations/${location}/deliveries/${failed}/resend`);
    await service.api.post(`${bad.path}/test`, {});
    const deliveries = await ended(4);
    const { html } = await visitor.get(path);
    expect(rowsOf(html)).toEqual(deliveries.map(({ id }) => id));
    const [test = '', resend = ''] = html
      .split('<tr id="delivery-')
      .slice(1)
      .map((row) => textOf(`<${row}`));
    expect(test).toMatch(
      /Failed Test It answered 500, which is not a success\. http_status · status 500 · \d+ ms/,
    );
    expect(test).toMatch(/127\.0\.0\.1:\d+\/bad 1 event/);
    expect(resend).toMatch(/Failed Resend .* sequence 1 /);
  });

  it('shows what fits its filters, and keeps them on the way to older pages', async () => {
    const { good, bad, delivered, failed, event } = await addBoth();
    expect(rowsOf((await visitor.get(`${path}?outcome=failed`)).html)).toEqual([failed]);
    expect(rowsOf((await visitor.get(`${path}?endpointId=${good.id}`)).html)).toEqual([delivered]);
    expect(rowsOf((await visitor.get(`${path}?uuid=${event.uuid}`)).html)).toHaveLength(2);
    expect(rowsOf((await visitor.get(`${path}?span=hour`)).html)).toHaveLength(2);
    const long = `${path}?span=between&from=1999-01-01T00:00&to=1999-01-02T00:00&zone=Europe/Berlin`;
    const none = await visitor.get(long);
    expect(rowsOf(none.html)).toEqual([]);
    expect(textOf(none.html)).toContain('No deliveries fit these filters');
    expect(linkOf(none.html, 'Clear the filters')).toBe(path);
    expect(none.html).toMatch(/type="datetime-local" value="1999-01-01T00:00"/);
    expect(none.html).toContain('name="zone" value="Europe/Berlin"');

    for (let n = 0; n < 30; n += 1) await service.api.post(`${bad.path}/test`, {});
    const filtered = `${path}?endpointId=${bad.id}&outcome=failed`;
    const first = await visitor.get(filtered);
    const older = linkOf(first.html, 'Next page');
    expect(older).toMatch(new RegExp(`^${path}\\?endpointId=${bad.id}&outcome=failed&cursor=`));
    expect(first.html).toContain(`<option value="${bad.id}" selected="">`);
    const second = await visitor.get(older);
    expect(linkOf(second.html, 'First page')).toBe(filtered);
    const ids = [...rowsOf(first.html), ...rowsOf(second.html)];
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toContain(failed);
    expect(ids).not.toContain(delivered);
  });

  it('reads typed times in the zone that they were typed in, and as UTC where there is none', async () => {
    await addBoth();
    expect(await rowsBetween(-1, 1, '')).toHaveLength(2);
    // The same clock in Tokyo is 9 hours earlier.
    expect(await rowsBetween(-1, 1, 'Asia/Tokyo')).toEqual([]);
    expect(await rowsBetween(8, 10, 'Asia/Tokyo')).toHaveLength(2);
  });

  it('says at the field what is wrong with a filter', async () => {
    const { status, html } = await visitor.get(`${path}?uuid=nonsense&endpointId=x`);
    expect(status).toBe(422);
    expect(html).toMatch(/<input[^>]*aria-invalid="true"[^>]*value="nonsense"/);
    expect(textOf(html)).toContain('It must be a UUID like');
    expect(html).not.toContain('sse-connect');
  });

  it('draws the last 24 hours, says them in words, and shows them as a table', async () => {
    await addBoth();
    const { html } = await visitor.get(path);
    expect(html).toContain('<title>Deliveries by hour and how they ended</title>');
    expect(textOf(html)).toContain(
      'In the last 24 hours, 1 of 2 deliveries arrived (1 failed). The busiest hour had 2.',
    );
    expect(html).toMatch(
      /UTC: 1 delivered, 1 failed<\/title><rect[^>]*chart-delivered[^>]*><\/rect><rect[^>]*chart-failed/,
    );
    const table = html.slice(html.indexOf('Show as table'), html.indexOf('</figure>'));
    expect(table.match(/<tr>/g)).toHaveLength(25);
    expect(textOf(table)).toMatch(/UTC 1 1 0 0 \d+ ms \d+ ms/);
  });

  it('lets nothing that others wrote become HTML', async () => {
    location = await addLocation(service.api, `<img src=x onerror=alert(1)>"'&`);
    path = `/locations/${location}/deliveries`;
    const url = `${receiver.url}/a'"><script>alert(1)</script>?q=<b>`;
    const headers = { "x-'a": '<i>secret</i>' };
    await addEndpoint(service.api, location, url, { description: '<u>', headers });
    await handOver(service.api, newEvent(location));
    const [delivery] = await ended(1);
    const query = new URLSearchParams({ uuid: '"><script>x', from: '<b>', zone: '"><i>' }).toString();
    for (const page of [
      path,
      `${path}/${delivery?.id}`,
      `${path}?${query}`,
      `/locations/${location}/resend`,
    ]) {
      const { html } = await visitor.get(page);
      expect(html).not.toMatch(/<(img src=x|script>|b>|i>|u>)/);
      expect(html).not.toMatch(/ (style|on\w+)="/);
    }
  });
});

/** The rows between two times that the clock of UTC shows, in hours from now, typed in a zone. */
async function rowsBetween(from: number, to: number, zone: string): Promise<string[]> {
  const [typedFrom, typedTo] = [from, to].map((hours) =>
    new Date(Date.now() + hours * 3_600_000).toISOString().slice(0, 16),
  );
  const { html } = await visitor.get(`${path}?span=between&from=${typedFrom}&to=${typedTo}&zone=${zone}`);
  return rowsOf(html);
}

describe('what happens while somebody looks', () => {
  it('comes as rows, and nothing of other locations', async () => {
    const stranger = await addLocation(service.api);
    for (const id of [stranger, location]) await addEndpoint(service.api, id, `${receiver.url}/good`);
    const stream = await live();
    expect(stream.headers.get('content-type')).toBe('text/event-stream');
    expect(stream.headers.get('content-security-policy')).toContain("script-src 'self'");
    await stream.commented('watching');
    await handOver(service.api, newEvent(stranger));
    await ended(1, stranger);
    await handOver(service.api, newEvent(location));
    const [delivery] = await ended(1);
    const rows = await until('a row has come', async () => rowMessages(stream.messages, 1));
    expect(rows).toHaveLength(1);
    const [row] = rows;
    expect(row?.id).toBe(delivery?.id);
    expect(row?.data).toMatch(new RegExp(`^<tr id="delivery-${delivery?.id}" class="arrives">.*</tr>$`));
    expect(textOf(row?.data ?? '')).toMatch(
      /Delivered It answered 204 after \d+ ms\..*127\.0\.0\.1:\d+\/good 1 event/,
    );
  });

  it('keeps to the filters, and goes on after what was seen last', async () => {
    const { bad, failed } = await addBoth();
    await handOver(service.api, newEvent(location));
    const [missed] = (await ended(4)).filter(({ outcome }) => outcome === 'failed');
    const stream = await live(`?outcome=failed&endpointId=${bad.id}`, failed);
    const rows = await until('what was missed has come', async () => rowMessages(stream.messages, 1));
    expect(rows.map(({ id }) => id)).toEqual([missed?.id]);
    await handOver(service.api, newEvent(location));
    const all = await until('the next has come', async () => rowMessages(stream.messages, 2));
    for (const { data = '' } of all) expect(textOf(data)).toContain('It answered 500');
  });

  it('begins with what ended after the page was drawn', async () => {
    await addEndpoint(service.api, location, `${receiver.url}/good`);
    await handOver(service.api, newEvent(location));
    const [shown] = await ended(1);
    const { html } = await visitor.get(path);
    await handOver(service.api, newEvent(location));
    const missed = (await ended(2)).find(({ id }) => id !== shown?.id);
    const [, query] = / sse-connect="[^"]*\/live([^"]*)"/.exec(html) ?? [];
    const stream = await live(query);
    const [row] = await until('a row has come', async () => rowMessages(stream.messages, 1));
    expect(row?.id).toBe(missed?.id);
  });

  it('knows a webhook that was added meanwhile', async () => {
    const stream = await live();
    await addEndpoint(service.api, location, `${receiver.url}/added-later`);
    await handOver(service.api, newEvent(location));
    const [row] = await until('a row has come', async () => rowMessages(stream.messages, 1));
    expect(textOf(row?.data ?? '')).toContain('/added-later');
  });

  it('is let go of by who leaves: nobody comes to the limit of a location by looking again', async () => {
    for (let n = 0; n < 60; n += 1) {
      const stream = await until('there is room for one more', async () => {
        const opened = await live();
        return opened.status === 200 && opened;
      });
      await stream.commented('watching');
      stream.close();
      await fetch(`${service.url}${path}/live`, { method: 'HEAD', headers: { cookie: cookieOf(visitor) } });
    }
    expect((await live()).status).toBe(200);
  });

  it('is not for who is not signed in', async () => {
    const { status } = await createVisitor(service.url).get(`${path}/live`);
    expect(status).toBe(303);
  });

  it('is asked for only where something that fits can come', async () => {
    const connected = async (query: string) => (await visitor.get(path + query)).html.includes('sse-connect');
    expect(await connected('?outcome=failed&span=day')).toBe(true);
    expect(await connected(`?uuid=${randomUUID()}`)).toBe(false);
    expect(await connected('?outcome=sending')).toBe(false);
    expect(await connected('?span=between&to=2020-01-01T00:00')).toBe(false);
    const { html } = await visitor.get(`${path}?cursor=${randomUUID()}`);
    expect(html).toContain('data-live="counted"');
  });
});

function live(query = '', lastEventId?: string) {
  const options = { cookie: cookieOf(visitor), ...(lastEventId && { lastEventId }) };
  return openStream(`${service.url}${path}/live${query}`, options);
}

type Message = Awaited<ReturnType<typeof openStream>>['messages'][number];

function rowMessages(messages: Message[], count: number): Message[] | null {
  const rows = messages.filter(({ event }) => event === 'delivery');
  return rows.length >= count ? rows : null;
}

function cookieOf({ cookies }: Visitor): string {
  return [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
}

describe('one delivery', () => {
  it('is told in full', async () => {
    const { bad, failed, event } = await addBoth();
    const { html } = await visitor.get(`${path}/${failed}`);
    const text = textOf(html);
    expect(text).toContain('It answered 500, which is not a success. The receiver has a fault of its own.');
    expect(html).toContain(`href="/locations/${location}/webhooks/${bad.id}"`);
    expect(linkOf(html, event.uuid)).toBe(`/locations/${location}/sessions?uuid=${event.uuid}`);
    expect(text).toMatch(
      /accepted .* Its turn came .* \d+ ms later Sending began .* Connected .* Answered 500 .* Ended: failed .* \d+ ms later/,
    );
    expect(text).toContain(`webhook-id: ${failed}`);
    expect(text).toContain(`[{'uuid':'${event.uuid}','action':'create','location':'Kamen Test'`);
    expect(text).toContain('standardwebhooks');
  });

  it('never shows the value of a header', async () => {
    await addEndpoint(service.api, location, receiver.url, { headers: { 'x-api-key': 'top-secret' } });
    await handOver(service.api, newEvent(location));
    const [delivery] = await ended(1);
    const { html } = await visitor.get(`${path}/${delivery?.id}`);
    expect(html).not.toContain('top-secret');
    expect(textOf(html)).toContain("--header 'x-api-key: ••••••'");
  });

  it('is resent, with the result in its place or as a page, and each leads to the other', async () => {
    const { failed } = await addBoth();
    const action = `${path}/${failed}/resend`;
    await visitor.get(`${path}/${failed}`);
    const part = await visitor.post(action, {}, { 'hx-request': 'true' });
    expect(part.html).toMatch(/^<div id="resend-result" role="status">/);
    expect(textOf(part.html)).toContain('It answered 500');
    const page = await visitor.post(action);
    expect(page.status).toBe(303);
    const [second, first] = (await ended(4)).filter(({ resendOf }) => resendOf === failed);
    expect(page.location).toBe(`${path}/${second?.id}`);
    expect(part.html).toContain(`href="${path}/${first?.id}"`);

    const resend = await visitor.get(`${path}/${second?.id}`);
    expect(textOf(resend.html)).toContain('It was sent again. This is the new delivery.');
    expect(linkOf(resend.html, 'this delivery')).toBe(`${path}/${failed}`);
    const original = await visitor.get(`${path}/${failed}`);
    for (const { id = '' } of [first, second].map((one) => ({ id: one?.id })))
      expect(original.html).toContain(`href="${path}/${id}"`);
  });

  it('says why it cannot be resent', async () => {
    const { bad, failed } = await addBoth();
    await visitor.get(path);
    await service.api.delete(bad.path);
    const refused = await visitor.post(`${path}/${failed}/resend`);
    expect(refused.status).toBe(409);
    expect(textOf(refused.html)).toContain('The endpoint of this delivery has been deleted.');
    expect(refused.html).not.toContain(`action="${path}/${failed}/resend"`);
    expect(textOf((await visitor.get(path)).html)).toContain('deleted');
  });

  it('of a test links to no session, and is not resent', async () => {
    const { path: endpointPath } = await addEndpoint(service.api, location, receiver.url);
    const { body: test } = await service.api.post(`${endpointPath}/test`, {});
    const { html } = await visitor.get(`${path}/${test.id}`);
    expect(html).not.toContain('/sessions?uuid=');
    expect(html).not.toContain('/resend"');
  });

  it.each(['x', '%00', randomUUID()])('that is not there is not found: %s', async (id) => {
    expect((await visitor.get(`${path}/${id}`)).status).toBe(404);
  });
});

it('the export holds what fits the filters', async () => {
  const { failed, delivered } = await addBoth();
  const { html } = await visitor.get(`${path}?outcome=failed`);
  const link = linkOf(html, 'Export as CSV');
  expect(link).toBe(`${path}.csv?outcome=failed`);
  const { headers, html: csv } = await visitor.get(link);
  expect(headers.get('content-type')).toBe('text/csv; charset=utf-8');
  expect(headers.get('content-disposition')).toBe(`attachment; filename="deliveries-${location}.csv"`);
  expect(csv).toContain(failed);
  expect(csv).not.toContain(delivered);
  expect((await createVisitor(service.url).get(link)).status).toBe(303);
});
