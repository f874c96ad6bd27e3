import type { z } from '@hono/zod-openapi';
import type { appWebhookSchema } from '../../flows/app-webhook-routes.ts';
import { prettyJson } from '../forms/json-text.ts';
import { pathOfTab } from '../location-page.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { Copyable } from '../parts/copyable.tsx';
import type { NamedLocation } from '../view.ts';

/** An app webhook with the URL that runs it. */
export type ListedAppWebhook = z.output<typeof appWebhookSchema> & { url: string };

type Props = { location: NamedLocation; webhooks: ListedAppWebhook[] };

/** The URLs that apps made for flows, each with its props. */
export function AppWebhooks({ location, webhooks }: Props) {
  return (
    <section class="card">
      <h2>App webhooks</h2>
      <p>
        URLs that your apps made, each with values of its own (<code>props</code>) that templates see. Whoever
        knows such a URL may run the flow.
      </p>
      {webhooks.length === 0 && (
        <p class="muted">
          There are none for this flow. An app makes one by <code>POST /app/webhooks</code>.
        </p>
      )}
      <ul class="entries">
        {webhooks.map(({ uuid, action, props, url }) => (
          <li>
            <h3 class="mono break">
              <a href={`${pathOfTab(location.id, 'flows')}/${action}`}>{action}</a>
            </h3>
            <Copyable label={`URL for ${action}`} text={url} />
            <Copyable label="Props" text={prettyJson(props)} lang="json" />
            <Confirm
              action={`/locations/${location.id}/app-webhooks/${uuid}/delete`}
              open="Delete …"
              label="Delete this URL"
              text={`Whoever calls ${url} gets a 404 from then on. The flow ${action} and its other URLs stay.`}
              isDangerous
            />
          </li>
        ))}
      </ul>
    </section>
  );
}
