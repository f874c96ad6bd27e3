import type { FormValues } from '../forms/form-values.ts';
import { toInstant } from '../forms/zone.ts';

/** A new key as it is typed: ranges a line each, the day in the zone of whoever types. */
export type KeyForm = { name: string; scopes: string[]; allowedIps: string; expiresAt: string; zone: string };

/** A form for a key that nobody has typed anything into. */
export const emptyKeyForm: KeyForm = { name: '', scopes: [], allowedIps: '', expiresAt: '', zone: 'UTC' };

/** Reads the form. */
export function readKeyForm({ one, all }: FormValues): KeyForm {
  return {
    name: one('name').trim(),
    scopes: all('scopes'),
    allowedIps: one('allowedIps'),
    expiresAt: one('expiresAt'),
    zone: one('zone'),
  };
}

/** The form as the API takes it: an empty field means no limit. */
export function toKeyBody({ name, scopes, allowedIps, expiresAt, zone }: KeyForm, locationId: string | null) {
  const ranges = allowedIps.split(/[\s,]+/).filter((range) => range !== '');
  return {
    name,
    scopes,
    locationId,
    allowedIps: ranges.length > 0 ? ranges : null,
    expiresAt: expiresAt === '' ? null : toInstant(expiresAt, zone),
  };
}
