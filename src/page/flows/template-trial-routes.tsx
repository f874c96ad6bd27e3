import { Hono } from 'hono';
import { previewedTemplateSchema } from '../../flows/template-preview-routes.ts';
import { answerPage, answerPart, wantsPart } from '../answer.tsx';
import { readForm } from '../forms/form-values.ts';
import { apiPath } from '../location-api.ts';
import { LocationPage } from '../location-page.tsx';
import { readTemplateForm, sampleTemplateForm, type TemplateForm, toTemplateBody } from './template-form.ts';
import { TemplateBecame, type TemplateResult, TemplateTrial } from './template-trial.tsx';
import type { NamedLocation, PageEnv } from '../view.ts';

/** Templates of flows on sample data, before a flow runs them. */
export function templateTrialRoutes() {
  const router = new Hono<PageEnv>();

  router.get('/template-trial', (c) =>
    answerPage(c, <TrialPage location={c.var.location} form={sampleTemplateForm} />),
  );

  router.post('/template-trial', async (c) => {
    const form = readTemplateForm(await readForm(c));
    const read = toTemplateBody(form);
    const { value: previewed, refusal } = read.ok
      ? await c.var.api.send('POST', apiPath(c, '/template-preview'), read.body, previewedTemplateSchema)
      : { value: null, refusal: { status: 422, detail: '', errors: read.mistakes } };
    const result = { previewed, refusal };
    if (wantsPart(c)) return answerPart(c, <TemplateBecame result={result} />);
    return answerPage(c, <TrialPage {...{ location: c.var.location, form, result }} />, refusal ? 422 : 200);
  });

  return router;
}

type PageProps = { location: NamedLocation; form: TemplateForm; result?: TemplateResult };

function TrialPage({ location, ...trial }: PageProps) {
  return (
    <LocationPage location={location} tab="flows" title="Try a template">
      <h1>Try a template</h1>
      <section class="card">
        <TemplateTrial path={`/locations/${location.id}/template-trial`} {...trial} />
      </section>
    </LocationPage>
  );
}
