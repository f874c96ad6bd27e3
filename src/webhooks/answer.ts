import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import { mask } from '../http/custom-headers.ts';

/** The body of a third party's answer as apps get it: JSON, text, or bytes with their type. */
export type AnswerData = unknown;

/** A third party's answer as it came. */
export type RawAnswer = { body: Buffer; contentType: string; contentEncoding: string };

/** What was asked for and cannot be read. `too_large`: more than the cap, also after decompression. */
export type Unreadable = { unreadable: 'too_large' | 'protocol' };

const decompressors = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
};

/**
 * Undoes the content encoding of an answer, never beyond `maxBytes` of output.
 * @example await decompress({ body, contentType: 'application/json', contentEncoding: 'gzip' }, 1024 * 1024);
 */
export async function decompress(
  { body, contentEncoding }: RawAnswer,
  maxBytes: number,
): Promise<Buffer | Unreadable> {
  const encoding = contentEncoding.trim().toLowerCase();
  if (body.length === 0 || encoding === '' || encoding === 'identity') return body;
  if (!isKnown(encoding)) return { unreadable: 'protocol' };
  try {
    return await decompressors[encoding](body, { maxOutputLength: maxBytes });
  } catch (error) {
    const isTooLarge = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
    return { unreadable: isTooLarge ? 'too_large' : 'protocol' };
  }
}

function isKnown(encoding: string): encoding is keyof typeof decompressors {
  return Object.hasOwn(decompressors, encoding);
}

/**
 * Reads a body by its content type: JSON is parsed (what claims to be and is not comes as text), text is decoded, anything
 * else is `{ contentType, base64 }`; null when it is empty. Hidden values are masked wherever they stand.
 * @param hidden values that the app must not see, e.g. credentials of the registration.
 */
export function readData(body: Buffer, contentType: string, hidden: string[]): AnswerData {
  if (body.length === 0) return null;
  const [type = '', ...parameters] = contentType.split(';').map((part) => part.trim().toLowerCase());
  const conceal = maskIn(hidden);
  if (isJson(type)) return readJson(body, conceal);
  if (isText(type)) return conceal(decode(body, parameters));
  return { contentType: conceal(contentType), base64: concealBytes(body, conceal).toString('base64') };
}

function readJson(body: Buffer, conceal: (text: string) => string): unknown {
  const text = decode(body, []);
  try {
    return concealDeep(JSON.parse(text), conceal);
  } catch {
    return conceal(text);
  }
}

const isJson = (type: string) => /^application\/(.+\+)?json$/.test(type);
const isText = (type: string) =>
  type === '' || /^text\/|^application\/((.+\+)?xml|javascript|x-www-form-urlencoded)$/.test(type);

/** UTF-8, unless the answer names another charset that is known. What is not valid becomes U+FFFD. */
function decode(body: Buffer, parameters: string[]): string {
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))?.slice('charset='.length);
  try {
    return new TextDecoder(charset?.replaceAll('"', '')).decode(body);
  } catch {
    return new TextDecoder().decode(body);
  }
}

/** Characters; what is shorter is no secret, and masking it would spoil the answer. */
const minHiddenLength = 4;

/** A function that masks hidden values in a text, also where they stand encoded: for a URL, in JSON, in base64. */
function maskIn(hidden: string[]): (text: string) => string {
  const secrets = hidden.filter((value) => value.length >= minHiddenLength).flatMap(spellings);
  const longestFirst = [...new Set(secrets)].toSorted((a, b) => b.length - a.length);
  return (text) => longestFirst.reduce((masked, secret) => masked.replaceAll(secret, mask), text);
}

function spellings(value: string): string[] {
  const base64 = Buffer.from(value).toString('base64');
  return [
    value,
    encodeURIComponent(value),
    JSON.stringify(value).slice(1, -1),
    base64,
    base64.replace(/=+$/, ''),
  ];
}

function concealDeep(value: unknown, conceal: (text: string) => string): unknown {
  if (typeof value === 'string') return conceal(value);
  if (typeof value === 'number') return conceal(String(value)) === String(value) ? value : mask;
  if (Array.isArray(value)) return value.map((item) => concealDeep(item, conceal));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [conceal(name), concealDeep(item, conceal)]),
  );
}

/** Latin-1 maps bytes to characters one to one; the mask is ASCII there, so that it has bytes of its own. */
function concealBytes(body: Buffer, conceal: (text: string) => string): Buffer {
  const text = body.toString('latin1');
  const concealed = conceal(text);
  return concealed === text ? body : Buffer.from(concealed.replaceAll(mask, '******'), 'latin1');
}
