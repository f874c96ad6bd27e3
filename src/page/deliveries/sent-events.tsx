import type { z } from '@hono/zod-openapi';
import { sentEventSchema } from '../../events/event.ts';
import { count } from '../words.ts';
import { Table } from '../parts/table.tsx';

type SentEvent = z.output<typeof sentEventSchema>;

/** The events in the body of a delivery; none when the body has left the log. */
export function readSentEvents(body: string | null): SentEvent[] {
  return body === null ? [] : sentEventSchema.array().parse(JSON.parse(body));
}

const actionWords: Record<SentEvent['action'], string> = { create: 'Created', delete: 'Deleted' };

type Props = { locationId: string; body: string | null; isTest: boolean };

/** What a delivery carries, each with a link to the story of its session. A test carries a session that there is not. */
export function SentEvents({ locationId, body, isTest }: Props) {
  const events = readSentEvents(body);
  if (events.length === 0) return <p class="muted">Its events have left the log.</p>;
  return (
    <Table heads={[]}>
      {events.map(({ uuid, action, stations, customerid }) => (
        <tr>
          <td class="mono break" data-label="Session">
            {isTest ? (
              <span>{uuid}</span>
            ) : (
              <a href={`/locations/${locationId}/sessions?uuid=${uuid}`}>{uuid}</a>
            )}
          </td>
          <td data-label="What happened">{actionWords[action]}</td>
          <td class="number" data-label="Stations">
            {count(stations, 'station')}
          </td>
          <td class="number" data-label="Customer">
            {customerid}
          </td>
        </tr>
      ))}
    </Table>
  );
}
