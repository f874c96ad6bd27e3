/** Events are numbered through the whole run: `count` of them from `first`. */
export type Range = { first: number; count: number };

/** An event, as every contestant stores it. `customerid` is its number, by which the receiver knows it. */
export type Event = {
  uuid: string;
  action: 'create';
  locationId: string;
  location: string;
  stations: number;
  customerid: number;
};

/** Makes the events of a range, spread evenly over the locations. */
export function eventsOf({ first, count }: Range, locations: number): Event[] {
  return Array.from({ length: count }, (_, index) => eventOf(first + index, locations));
}

export function eventOf(number: number, locations: number): Event {
  return {
    uuid: `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
    action: 'create',
    locationId: locationIdOf(number % locations),
    location: 'Kamen Test',
    stations: 1,
    customerid: number,
  };
}

/** @returns the id of the location with this index, from 0. */
export function locationIdOf(index: number): string {
  return `venue-${index}`;
}

/** The body of a POST: what Bellhop sends for the same events. */
export function bodyOf(events: Event[]): string {
  return JSON.stringify(
    events.map(({ uuid, action, location, stations, customerid }) => ({
      uuid,
      action,
      location,
      stations,
      customerid,
    })),
  );
}
