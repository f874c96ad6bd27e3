import { type Context, Hono } from 'hono';
import { z } from '@hono/zod-openapi';
import { pageOf } from '../../http/page.ts';
import { keySchema } from '../../settings/key.ts';
import { answerPage, leadOn, leadToSecret } from '../answer.tsx';
import { readForm } from '../forms/form-values.ts';
import { emptyKeyForm, readKeyForm, toKeyBody } from './key-form.ts';
import { KeysPage, type KeysState } from './keys-page.tsx';
import { NewKeyPage } from './new-key-page.tsx';
import type { PageEnv } from '../view.ts';

/** API keys: those of a location on its API tab, all of them beside the locations. */
export function keysRoutes() {
  const router = new Hono<PageEnv>();

  router.get('/', (c) => showKeys(c));

  router.get('/new', (c) =>
    answerPage(c, <NewKeyPage place={placeOf(c)} form={emptyKeyForm} refusal={null} />),
  );

  router.post('/', async (c) => {
    const place = placeOf(c);
    const form = readKeyForm(await readForm(c));
    const body = toKeyBody(form, place.location?.id ?? null);
    const { value, refusal } = await c.var.api.send('POST', '/v1/keys', body, created);
    if (refusal) return answerPage(c, <NewKeyPage {...{ place, form, refusal }} />, 422);
    return leadToSecret(c, place.path, {
      title: `The API key “${value.name}”`,
      secret: value.key,
      note: 'Whoever holds it may do what its scopes say. Put it where your software keeps its secrets, not into code.',
    });
  });

  router.post('/:keyId/revoke', async (c) => {
    const path = `/v1/keys/${encodeURIComponent(c.req.param('keyId'))}`;
    const { refusal } = await c.var.api.send('DELETE', path, undefined, z.null());
    if (refusal) return showKeys(c, refusal);
    return leadOn(c, placeOf(c).path, 'The key was revoked: it opens nothing any more.');
  });

  return router;
}

const created = keySchema.extend({ key: z.string() });

/** Where keys are shown: at a location, or beside all of them. */
function placeOf(c: Context<PageEnv>): KeysState['place'] {
  const location = c.req.param('id') === undefined ? null : c.var.location;
  return { location, path: location ? `/locations/${location.id}/api` : '/keys' };
}

async function showKeys(c: Context<PageEnv>, refusal: KeysState['refusal'] = null) {
  const place = placeOf(c);
  const filter = new URLSearchParams({ limit: '100' });
  if (place.location) filter.set('locationId', place.location.id);
  const cursor = c.req.query('cursor');
  if (cursor) filter.set('cursor', cursor);
  const keys = await c.var.api.get(`/v1/keys?${filter.toString()}`, pageOf(keySchema));
  return answerPage(c, <KeysPage {...{ place, refusal, keys }} now={new Date()} />, refusal ? 422 : 200);
}
