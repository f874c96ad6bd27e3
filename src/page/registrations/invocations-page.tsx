import type { z } from '@hono/zod-openapi';
import type { fullInvocationSchema } from '../../webhooks/invocation.ts';
import { type Invocation, InvocationBadge, tellInvocation } from './invocation-words.tsx';
import { readable } from '../forms/json-text.ts';
import { LocationPage, pathOfTab } from '../location-page.tsx';
import { Copyable } from '../parts/copyable.tsx';
import { Fact } from '../parts/fact.tsx';
import { Pager } from '../parts/pager.tsx';
import { Time } from '../parts/time.tsx';
import type { NamedLocation } from '../view.ts';
import { count } from '../words.ts';
import { number, Table } from '../parts/table.tsx';

type TableProps = { locationId: string; invocations: Invocation[] };

/** Invocations, newest first. */
export function InvocationTable({ locationId, invocations }: TableProps) {
  if (invocations.length === 0)
    return (
      <p class="muted">It has not been triggered yet. Every trigger shows here, with what came of it.</p>
    );
  return (
    <Table heads={['When', 'Outcome', 'By', number('Duration')]}>
      {invocations.map((invocation) => (
        <InvocationRow locationId={locationId} invocation={invocation} />
      ))}
    </Table>
  );
}

function InvocationRow({ locationId, invocation }: { locationId: string; invocation: Invocation }) {
  return (
    <tr>
      <td data-label="When">
        <a href={`/locations/${locationId}/invocations/${invocation.referenceId}`}>
          <Time at={invocation.createdAt} />
        </a>
      </td>
      <td data-label="Outcome">
        <InvocationBadge invocation={invocation} />
      </td>
      <td data-label="By" class="break">
        {invocation.key.name}
      </td>
      <td data-label="Duration" class="number">
        {tellDuration(invocation.durationMs)}
      </td>
    </tr>
  );
}

function tellDuration(durationMs: number | null): string {
  return durationMs === null ? '–' : `${durationMs.toLocaleString('en')} ms`;
}

type ListProps = {
  location: NamedLocation;
  webhookId: string;
  invocations: Invocation[];
  nextCursor: string | null;
  isFirst: boolean;
};

/** All invocations of a webhook that are on record, a page at a time. */
export function InvocationsPage({ location, webhookId, invocations, nextCursor, isFirst }: ListProps) {
  const path = `${pathOfTab(location.id, 'registeredWebhooks')}/${webhookId}`;
  return (
    <LocationPage location={location} tab="registeredWebhooks" title={`Invocations of ${webhookId}`}>
      <div class="row head">
        <h1 class="break">
          Invocations of <a href={path}>{webhookId}</a>
        </h1>
      </div>
      <InvocationTable locationId={location.id} invocations={invocations} />
      <Pager path={`${path}/invocations`} nextCursor={nextCursor} isFirst={isFirst} />
    </LocationPage>
  );
}

type Props = { location: NamedLocation; invocation: z.output<typeof fullInvocationSchema> };

/** One invocation in full. */
export function InvocationPage({ location, invocation }: Props) {
  const { webhookId } = invocation;
  const { what, advice } = tellInvocation(invocation);
  return (
    <LocationPage location={location} tab="registeredWebhooks" title={`Invocation of ${webhookId}`}>
      <div class="row head">
        <h1 class="break">
          Invocation of{' '}
          <a href={`${pathOfTab(location.id, 'registeredWebhooks')}/${webhookId}`}>{webhookId}</a>
        </h1>
        <span class="space" />
        <InvocationBadge invocation={invocation} />
      </div>
      <section class="card">
        <p class="break">
          {what} {advice}
        </p>
        <Facts invocation={invocation} />
      </section>
      <Body title="What was sent" text={invocation.requestBody} />
      <Body title="What was answered" text={invocation.responseBody} />
    </LocationPage>
  );
}

function Facts({ invocation }: { invocation: Invocation }) {
  return (
    <dl class="facts">
      <Fact name="Reference">
        <span class="mono break">{invocation.referenceId}</span>
      </Fact>
      <Fact name="By">
        <span class="break">{invocation.key.name}</span>
      </Fact>
      <Fact name="Began">
        <Time at={invocation.createdAt} format="exact" />
      </Fact>
      <Fact name="Ended">
        {invocation.endedAt ? <Time at={invocation.endedAt} format="exact" /> : 'not yet'}
      </Fact>
      <Fact name="Duration">{tellDuration(invocation.durationMs)}</Fact>
      <Fact name="Status">{invocation.status ?? '–'}</Fact>
      <Fact name="Sent">{tellBytes(invocation.requestBytes)}</Fact>
      <Fact name="Answered">{tellBytes(invocation.responseBytes)}</Fact>
      {invocation.reason && (
        <Fact name="Reason">
          <code>{invocation.reason}</code>
        </Fact>
      )}
    </dl>
  );
}

function tellBytes(bytes: number | null): string {
  return bytes === null ? 'nothing' : count(bytes, 'byte');
}

function Body({ title, text }: { title: string; text: string | null }) {
  return (
    <section class="card">
      <h2>{title}</h2>
      {text === null ? (
        <p class="muted">
          Not kept. “Keep what is sent and answered” in the settings of the webhook keeps it, from then on.
        </p>
      ) : (
        <Copyable label={title} text={readable(text)} />
      )}
    </section>
  );
}
