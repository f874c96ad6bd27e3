import { z } from '@hono/zod-openapi';
import type { fullRunSchema } from '../../flows/run.ts';
import type { Refusal } from '../api.ts';
import { prettyJson, readable } from '../forms/json-text.ts';
import { LocationPage, pathOfTab } from '../location-page.tsx';
import { Copyable } from '../parts/copyable.tsx';
import { Fact } from '../parts/fact.tsx';
import { Form, FormMistake } from '../parts/form.tsx';
import { Time } from '../parts/time.tsx';
import { RunBadge, sourceWords, tellError, tellRunDuration } from './run-words.tsx';
import type { NamedLocation } from '../view.ts';

type FullRun = z.output<typeof fullRunSchema>;
type Props = { location: NamedLocation; run: FullRun; refusal?: Refusal | null };

/** One run in full. */
export function RunPage({ location, run, refusal = null }: Props) {
  return (
    <LocationPage location={location} tab="flows" title={`Run of ${run.flow.name}`}>
      {refusal && <FormMistake detail={refusal.detail} />}
      <RunInFull location={location} run={run} />
    </LocationPage>
  );
}

/** The run itself, which looks after itself while it has not ended. */
export function RunInFull({ location, run }: { location: NamedLocation; run: FullRun }) {
  const path = `/locations/${location.id}/runs/${run.id}`;
  const live = run.endedAt === null && {
    'hx-get': path,
    'hx-trigger': 'load delay:1s',
    'hx-swap': 'outerHTML',
  };
  return (
    <div id="run" class="sections" aria-live="polite" {...live}>
      <div class="row head">
        <h1 class="break">
          Run of <a href={`${pathOfTab(location.id, 'flows')}/${run.flow.name}`}>{run.flow.name}</a>
        </h1>
        <span class="space" />
        <RunBadge status={run.status} />
      </div>
      <Summary location={location} run={run} path={path} />
      <section class="card">
        <h2>Input</h2>
        <Json label="What was sent" value={run.input.event} />
        {prettyJson(run.input.props) !== '{}' && <Json label="Props" value={run.input.props} />}
      </section>
      {run.steps.map((step, n) => (
        <Step locationId={location.id} number={n + 1} step={step} />
      ))}
      {run.response && (
        <section class="card">
          <h2>Response</h2>
          <p class="hint">
            status {run.response.status} · {run.response.type}
          </p>
          <Copyable label="Body of the response" text={readable(run.response.body)} />
        </section>
      )}
    </div>
  );
}

function Summary({ location, run, path }: { location: NamedLocation; run: FullRun; path: string }) {
  const error = tellError(run);
  return (
    <section class="card">
      {error && <p class="notice bad break">{error}</p>}
      <dl class="facts">
        <Fact name="Begun by">{sourceWords[run.source]}</Fact>
        <Fact name="Came in">
          <Time at={run.createdAt} format="exact" />
        </Fact>
        <Fact name="Ended">{run.endedAt ? <Time at={run.endedAt} format="exact" /> : 'not yet'}</Fact>
        <Fact name="Duration">{tellRunDuration(run)}</Fact>
        <Fact name="Answered">{run.responseStatus ?? '–'}</Fact>
        {run.rerunOf && (
          <Fact name="Again after">
            <a class="mono" href={`/locations/${location.id}/runs/${run.rerunOf}`}>
              {run.rerunOf}
            </a>
          </Fact>
        )}
      </dl>
      {run.endedAt && (
        <Form action={`${path}/rerun`} label="Run again">
          <div class="row">
            <button>Run again</button>
            <span class="hint">
              Runs the flow as it is now, on the same input. What it sends is sent again.
            </span>
          </div>
        </Form>
      )}
    </section>
  );
}

type StepProps = { locationId: string; number: number; step: FullRun['steps'][number] };

function Step({ locationId, number, step }: StepProps) {
  const { success, data } = z.object({ referenceId: z.string() }).safeParse(step.result);
  return (
    <section class="card">
      <div class="row">
        <h2>
          Step {number}: <span class="mono">{step.ref}</span>
        </h2>
        <span class="space" />
        <span class="muted">{step.durationMs.toLocaleString('en')} ms</span>
      </div>
      <Json label="What its templates became" value={step.input} />
      {step.result === null ? (
        <p class="muted">It came to nothing: the flow ended here.</p>
      ) : (
        <Json label="Result" value={step.result} />
      )}
      {success && (
        <p>
          <a href={`/locations/${locationId}/invocations/${data.referenceId}`}>The record of this request</a>
        </p>
      )}
    </section>
  );
}

function Json({ label, value }: { label: string; value: unknown }) {
  return (
    <div class="result">
      <h3>{label}</h3>
      <Copyable label={label} text={typeof value === 'string' ? value : prettyJson(value)} lang="json" />
    </div>
  );
}
