import { createRoute, z } from '@hono/zod-openapi';
import type { Database } from '../db/client.ts';
import { allowAtLocation, type LocationEnv, locationPath } from '../http/authorize.ts';
import { answers, createRouter, takes } from '../http/router.ts';
import { refName, template } from './flow.ts';
import { isShallow, tooDeep } from './nesting.ts';
import { FlowFailure, Rendering } from './rendering.ts';

/** Shows authors what a template becomes, before a flow runs it: the same rendering, with the same bounds. */
export function templatePreviewRoutes(db: Database) {
  const router = createRouter<LocationEnv>();
  return router.openapi(createRoute({ ...preview, ...allowAtLocation(db, 'settings:write') }), async (c) =>
    c.json(await render(c.req.valid('json')), 200),
  );
}

const sample = z.unknown().refine(isShallow, tooDeep);

const templatePreviewSchema = z
  .object({
    template: template.openapi({ example: 'Hello {{ web1.name }}' }),
    ref: refName.default('web1').openapi({ description: 'The name of the event, beside `event`' }),
    event: sample.default(null),
    props: sample.default({}),
    results: z
      .record(refName, sample)
      .default({})
      .openapi({ description: 'What earlier steps came to, by their refs', example: { res1: { value: 1 } } }),
  })
  .openapi('NewTemplatePreview');

/** What a template became, or why it did not become anything: one of the two is null. */
export const previewedTemplateSchema = z
  .object({
    text: z.string().nullable(),
    error: z
      .object({ message: z.string(), line: z.int().nullable().openapi({ description: 'Counted from 1' }) })
      .nullable(),
  })
  .openapi('TemplatePreview');

const preview = {
  method: 'post',
  path: '/v1/locations/{id}/template-preview',
  operationId: 'templates.preview',
  summary: 'What a template becomes on sample data; nothing is stored or sent',
  request: { params: locationPath, ...takes(templatePreviewSchema) },
  responses: { 200: answers('The text, or the error of the template', previewedTemplateSchema) },
} as const;

async function render(
  given: z.output<typeof templatePreviewSchema>,
): Promise<z.input<typeof previewedTemplateSchema>> {
  const { event, props, results } = given;
  const steps = Object.fromEntries(Object.keys(results).map((name) => [name, sampleStep]));
  const rendering = new Rendering({ event, props, [given.ref]: event, ...results, steps });
  try {
    return { text: await rendering.renderText(given.template, 'template'), error: null };
  } catch (error) {
    if (!(error instanceof FlowFailure)) throw error;
    const { message, line } = error.error;
    return { text: null, error: { message, line } };
  }
}

/** What is known about a step that went well. */
const sampleStep = { status: 200, error: false, referenceId: null };
