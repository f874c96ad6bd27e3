import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestService, type TestService } from '../support/service.ts';
import { addLocation } from '../support/venue.ts';
import { runsOf } from './flow.ts';

let service: TestService;
let locationId: string;
beforeAll(async () => {
  service = await startTestService();
  locationId = await addLocation(service.api);
});
afterAll(() => service.stop());

const preview = (body: object) => service.api.post(`/v1/locations/${locationId}/template-preview`, body);

describe('a preview of a template', () => {
  it('sees the event by its names, the props, and what earlier steps came to', async () => {
    const { status, body } = await preview({
      template:
        '{{ guest.name }} {{ event.name }} {{ props.n }} {{ res1.value }} {{ steps.res1.status }} {{ steps.res1.error }}',
      ref: 'guest',
      event: { name: 'Ada' },
      props: { n: 7 },
      results: { res1: { value: 'x' } },
    });
    expect(status).toBe(200);
    expect(body).toEqual({ text: 'Ada Ada 7 x 200 false', error: null });
    expect(await runsOf(service.api, locationId)).toEqual([]);
  });

  it('takes an event of any kind, by the usual name where no other is given, and none at all', async () => {
    expect((await preview({ template: '{{ web1 }}', event: 'a text' })).body.text).toBe('a text');
    expect((await preview({ template: '[{{ web1 }}]' })).body.text).toBe('[]');
  });

  it('does not take what is in the data for a template', async () => {
    const { body } = await preview({ template: '{{ web1.name }}', event: { name: '{{ 7 * 7 }}<b>' } });
    expect(body.text).toBe('{{ 7 * 7 }}<b>');
  });

  it('tells what is wrong with a template, and in which line', async () => {
    const { status, body } = await preview({ template: 'fine\nfine\n{{ web1.name | nosuchfilter }}' });
    expect(status).toBe(200);
    expect(body).toEqual({ text: null, error: { message: expect.stringMatching(/nosuchfilter/), line: 3 } });
    expect((await preview({ template: 'a\n{% if %}' })).body.error.line).toBe(2);
  });

  it('has the bounds of a run', async () => {
    const endless = '{% for a in range(9999) %}{% for b in range(9999) %}{{ a * b }}{% endfor %}{% endfor %}';
    expect((await preview({ template: endless })).body.error.message).toMatch(/too much|too long/);
    const tooLong = await preview({ template: 'x'.repeat(64 * 1024 + 1) });
    expect(tooLong.status).toBe(422);
    const deep = JSON.parse('['.repeat(300) + ']'.repeat(300));
    expect((await preview({ template: 'x', event: deep })).body.errors[0].path).toBe('event');
  });

  it('refuses names that templates could not tell apart, or that mean something else', async () => {
    for (const name of ['steps', 'props', 'a b', '1', 'constructor-'])
      expect((await preview({ template: '', results: { [name]: 1 } })).status).toBe(422);
    expect((await preview({ template: '', ref: 'event' })).status).toBe(422);
    expect((await preview({})).status).toBe(422);
  });
});
