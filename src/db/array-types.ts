import { makePgArray, parsePgArray } from 'drizzle-orm/pg-core';

/**
 * How arrays travel, for the driver. By itself it asks the database on every new connection, and when that connection is
 * lost meanwhile, nobody catches the error and the process would end. The numbers are PostgreSQL's own, fixed for good.
 */
export const arrayTypes = {
  textArray: ofText(1009),
  uuidArray: ofText(2951),
  int4Array: ofNumbers(1007),
  int8Array: ofNumbers(1016),
  float8Array: ofNumbers(1022),
};

function ofText(oid: number) {
  return { to: oid, from: [oid], serialize, parse: (text: string): string[] => parsePgArray(text) };
}

function ofNumbers(oid: number) {
  return { to: oid, from: [oid], serialize, parse: parseNumbers };
}

function parseNumbers(text: string): number[] {
  return parsePgArray(text).map(Number);
}

/** The query builder has written its arrays already. */
function serialize(value: unknown): string {
  return Array.isArray(value) ? makePgArray(value) : String(value);
}
