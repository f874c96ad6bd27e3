import type { ServerResponse } from 'node:http';
import { expect } from 'vitest';
import type { Answer, ReceivedRequest } from './receiver.ts';

/** An event as a receiver reads it. */
export type ReceivedEvent = {
  uuid: string;
  action: string;
  location: string;
  stations: number;
  customerid: number;
};

/** The events of a request. */
export function eventsOf(request: ReceivedRequest): ReceivedEvent[] {
  return JSON.parse(request.body);
}

/** The session ids of the events of all these requests, in the order in which they came. */
export function uuidsOf(requests: ReceivedRequest[]): string[] {
  return requests.flatMap((request) => eventsOf(request).map((event) => event.uuid));
}

/** The first and last sequence of a request, as its header tells. */
function sequencesOf(request: ReceivedRequest): { first: number; last: number } {
  const [first = 0, last = 0] = String(request.headers['bellhop-sequence']).split('-').map(Number);
  return { first, last };
}

/** The requests of each endpoint: endpoints have paths of their own here. */
export function byPath(requests: ReceivedRequest[]): ReceivedRequest[][] {
  const paths = [...new Set(requests.map((request) => request.url))];
  return paths.map((path) => requests.filter((request) => request.url === path));
}

/** Expects that no delivery and no event came twice to the same endpoint. */
export function expectOnce(requests: ReceivedRequest[]): void {
  for (const lane of byPath(requests)) {
    const ids = lane.map((request) => request.headers['webhook-id']);
    const uuids = uuidsOf(lane);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
    expect(uuids.length - new Set(uuids).size).toBe(0);
  }
}

/** Expects besides that all came in sequence order. */
export function expectOnceInOrder(requests: ReceivedRequest[]): void {
  expectOnce(requests);
  for (const lane of byPath(requests)) {
    const ranges = lane.map(sequencesOf);
    const misplaced = ranges.filter(({ first, last }, index) => {
      const before = ranges[index - 1]?.last ?? 0;
      return first <= before || last < first;
    });
    expect(misplaced).toEqual([]);
  }
}

/** Expects besides that nothing is missing: each request begins where the one before it ended. */
export function expectGapless(requests: ReceivedRequest[]): void {
  expectOnceInOrder(requests);
  for (const lane of byPath(requests)) {
    const ranges = lane.map(sequencesOf);
    const jumps = ranges.filter(({ first }, index) => first !== (ranges[index - 1]?.last ?? 0) + 1);
    expect(jumps).toEqual([]);
  }
}

/** Answers that wait: `release` gives those that wait at that moment. */
export function holdAnswers(): { answer: Answer; release: (status?: number) => void } {
  const waiting: ServerResponse[] = [];
  return {
    answer: (_request, response) => waiting.push(response),
    release: (status = 204) => {
      for (const response of waiting.splice(0)) response.writeHead(status).end();
    },
  };
}
