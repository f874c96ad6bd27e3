import { mask } from '../http/custom-headers.ts';

/** Headers whose values say how to talk, and are no secret: answers name content types all the time. */
const openHeaders = /^(accept|accept-.*|content-type|user-agent)$/i;

/** Characters of what is known to be a credential; masking a shorter one would spoil answers. */
const minLength = 4;
/** Characters of what may be one: a part of a header, or of the path. */
const minPartLength = 8;
const minSegmentLength = 16;
/** Parts of one header that are looked at: more than any that carries credentials has. */
const maxParts = 20;

/** What an app must not see of a registration: its URL, its header values, and the credentials in either. */
export function hiddenValues({ url, headers }: { url: string; headers: Record<string, string> }): string[] {
  const values = Object.entries(headers)
    .filter(([name]) => !openHeaders.test(name))
    .flatMap(([, value]) => credentialsOf(value));
  return [...new Set([...values, ...partsOfUrl(new URL(url))])].filter((value) => value.length >= minLength);
}

/** A header value, what follows its scheme, and what else in it is long enough to be a secret, e.g. a cookie. */
function credentialsOf(value: string): string[] {
  const [, scheme = '', credentials = ''] = /^([A-Za-z][\w-]*) +(.+)$/.exec(value) ?? [];
  const parts = value.split(/[\s,;]+/, maxParts).flatMap((part) => [part, part.replace(/^[^=]+="?|"$/g, '')]);
  const basic = scheme.toLowerCase() === 'basic' ? credentialsOfBasic(credentials) : [];
  return [value, credentials, ...basic, ...parts.filter((part) => part.length >= minPartLength)];
}

/** Some services take a key as the name, and no password. */
function credentialsOfBasic(encoded: string): string[] {
  const decoded = Buffer.from(encoded, 'base64').toString();
  const name = decoded.split(':', 1).join();
  const password = decoded.slice(name.length + 1);
  return [decoded, password, ...(password === '' || name.length >= minPartLength ? [name] : [])];
}

function partsOfUrl({ href, origin, pathname, search }: URL): string[] {
  const segments = pathname.split('/').filter((segment) => segment.length >= minSegmentLength);
  const address = pathname === '/' ? [] : [origin + pathname];
  const parameters = search.slice(1).split('&').flatMap(valuesOfParameter);
  const query = search === '' ? [] : [pathname + search, search.slice(1), ...parameters];
  return [href, ...address, ...segments.flatMap((segment) => [segment, decoded(segment)]), ...query];
}

/** Parameters that are likely to be credentials; the value of another one, such as `json`, must be longer to be one. */
const credentialNames = /key|token|secret|sig|pass|auth|code|pwd/i;

function valuesOfParameter(parameter: string): string[] {
  return [...new URLSearchParams(parameter)].flatMap(([name, value]) => {
    const raw = parameter.slice(parameter.indexOf('=') + 1);
    return credentialNames.test(name) || value.length >= minPartLength ? [value, raw] : [];
  });
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** Masks hidden values in a text. */
export function maskInText(text: string, hidden: string[]): string {
  const found = spellingsOf(hidden).filter((spelling) => text.includes(spelling));
  return found.length === 0 ? text : text.replaceAll(anyOf(found), mask);
}

/** Masks hidden values in bytes, which otherwise stay as they are. */
export function maskInBytes(bytes: Buffer, hidden: string[]): Buffer {
  // Latin-1 maps bytes to characters one to one.
  const text = bytes.toString('latin1');
  const found = spellingsOf(hidden)
    .map((spelling) => Buffer.from(spelling).toString('latin1'))
    .filter((spelling) => text.includes(spelling));
  return found.length === 0 ? bytes : Buffer.from(text.replaceAll(anyOf(found), '******'), 'latin1');
}

/** Masks hidden values in the texts, names and numbers of JSON. */
export function maskInJson(value: unknown, hidden: string[]): unknown {
  // One look at the whole is far quicker than one at each part, and nearly always finds nothing to mask.
  const whole = JSON.stringify(value);
  const found = spellingsOf(hidden).filter((spelling) => whole.includes(inJson(spelling)));
  // As JSON reads them: digits beyond the 17th may be others.
  const numbers = hidden.filter((text) => /^\d+$/.test(text)).map(Number);
  if (found.length === 0 && !numbers.some((number) => whole.includes(String(number)))) return value;
  const pattern = anyOf(found);
  const isHidden = (number: number) => numbers.includes(number) || String(number).search(pattern) >= 0;
  return maskDeep(value, pattern, isHidden);
}

function maskDeep(value: unknown, pattern: RegExp, isHidden: (number: number) => boolean): unknown {
  if (typeof value === 'string') return value.replaceAll(pattern, mask);
  if (typeof value === 'number') return isHidden(value) ? mask : value;
  if (Array.isArray(value)) return value.map((item) => maskDeep(item, pattern, isHidden));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name.replaceAll(pattern, mask),
      maskDeep(item, pattern, isHidden),
    ]),
  );
}

/** A pattern that finds the longest of these texts; of none, nothing. */
function anyOf(texts: string[]): RegExp {
  const longestFirst = texts.toSorted((left, right) => right.length - left.length);
  const escaped = longestFirst.map((text) => text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`));
  return new RegExp(escaped.join('|') || '(?!)', 'g');
}

function spellingsOf(hidden: string[]): string[] {
  return [...new Set(hidden.flatMap(spellings))];
}

/** How a text looks as it is, in a URL, a form, JSON, HTML, and base64. */
function spellings(text: string): string[] {
  const encoded = encodeURIComponent(text);
  return [
    text,
    encoded,
    encoded.replaceAll('%20', '+'),
    encoded.replaceAll(/%../g, (code) => code.toLowerCase()),
    inJson(text),
    inJson(text).replaceAll('/', String.raw`\/`),
    inHtml(text),
    ...inBase64(Buffer.from(text)),
  ];
}

const inJson = (text: string) => JSON.stringify(text).slice(1, -1);

const inHtml = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** Base64 of these bytes, and what of it stays the same with 0, 1 or 2 bytes more before it, and any behind it. */
function inBase64(bytes: Buffer): string[] {
  const encoded = [bytes.toString('base64'), bytes.toString('base64url')];
  // Too few characters would be found by accident.
  if (bytes.length < minPartLength) return encoded;
  const within = [0, 1, 2].map((shift) => {
    const shifted = Buffer.concat([Buffer.alloc(shift), bytes]);
    const whole = Math.floor((shifted.length * 8) / 6);
    return shifted.toString('base64').slice(shift === 0 ? 0 : shift + 1, whole);
  });
  return [...encoded, ...within, ...within.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'))];
}
