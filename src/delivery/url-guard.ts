import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { blockedRanges } from './blocked-ranges.ts';

/**
 * Judges the URL of an endpoint or webhook by the URL policy: when it is saved, and again before each request, with the
 * policy of that moment. The `url` of the answer is the object to use; the text must not be parsed a second time.
 * @param allow what `DELIVERY_ALLOW_CIDRS` exempts from the address, name and port rules.
 * @returns never throws. `message` is a sentence for the venue admin. `onlyAllowed`: the name or the port breaks a rule,
 * which only `allow` can excuse, so every address of the name must be inside it (see {@link judgeResolved}).
 * @example judgeUrl('https://example.com/hook', []); // { ok: true, url, warnings: [], onlyAllowed: false }
 * @example judgeUrl('http://10.1/', []); // { ok: false, message: '10.0.0.1 is not an address on the public internet…' }
 */
export function judgeUrl(text: string, allow: CidrList): UrlJudgement {
  if (text.length > maxUrlLength) return { ok: false, message: tooLong };
  const url = parse(text);
  if (url === null) return { ok: false, message: 'This is not a full URL such as https://example.com/hook.' };
  const malformed = formProblem(url);
  if (malformed !== null) return { ok: false, message: malformed };
  const forbidden = targetProblem(url, allow);
  // Whether a name is inside `allow` shows only when it is resolved.
  const excusable = allow.length > 0 && addressOf(url) === null;
  if (forbidden !== null && !excusable) return { ok: false, message: forbidden };
  return {
    ok: true,
    url,
    warnings: url.protocol === 'http:' ? [httpWarning] : [],
    onlyAllowed: forbidden !== null,
  };
}

/** What {@link judgeUrl} answers. */
export type UrlJudgement = ({ ok: true; warnings: string[] } & JudgedUrl) | { ok: false; message: string };

/** A URL that the policy allows, as far as it can be told without resolving its name. */
export type JudgedUrl = { url: URL; onlyAllowed: boolean };

/** Not `URL.canParse`: once Node 20 has optimized it, it is wrong about letters such as ü. */
function parse(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

function formProblem(url: URL): string | null {
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return 'The URL must begin with https:// (or http://).';
  if (url.username !== '' || url.password !== '')
    return 'The URL must not hold a user name or password. Send credentials in a custom header.';
  // Encoding can make the URL longer than its text was.
  if (url.href.length > maxUrlLength) return tooLong;
  const labels = nameOf(url).split('.');
  if (nameOf(url).length > maxHostLength) return `The host name is longer than ${maxHostLength} characters.`;
  if (labels.some((label) => label.length > maxLabelLength))
    return `A part of the host name is longer than ${maxLabelLength} characters.`;
  return labels.includes('') ? 'The host name has an empty part. Check its dots.' : null;
}

function targetProblem(url: URL, allow: CidrList): string | null {
  const address = addressOf(url);
  if (address === null) return nameProblem(nameOf(url)) ?? portProblem(url.port);
  if (contains(allow, address)) return null;
  const judged = judgeAddress(address, allow);
  return judged.ok ? portProblem(url.port) : judged.message;
}

function nameProblem(name: string): string | null {
  const reserved = reservedNames.find(({ suffix }) => name === suffix || name.endsWith(`.${suffix}`));
  if (reserved) return `Names that end in ${reserved.suffix} do not exist on the public internet.`;
  return name.includes('.') ? null : `"${name}" is not a full host name such as example.com.`;
}

function portProblem(port: string): string | null {
  const number = Number(port);
  const usable = port === '' || number === 80 || number === 443 || number >= 1024;
  if (usable && !otherServicePorts.has(number)) return null;
  return `Port ${port} cannot be used for webhooks. Use 443, 80 or another one from 1024 to 65535.`;
}

/** Characters; many servers and proxies refuse longer ones. */
const maxUrlLength = 2048;
const tooLong = `The URL is longer than ${maxUrlLength} characters.`;
/** Characters of a name and of a part of it, that DNS can carry (RFC 1035, 2.3.4). */
const maxHostLength = 253;
const maxLabelLength = 63;
const httpWarning =
  'This URL uses http: whoever is on the way can read and change what is sent. Prefer https.';

// Registry: IANA Special-Use Domain Names, but for `internal` and `localdomain`.
const reservedNames = [
  { suffix: 'localhost', source: 'RFC 6761' },
  { suffix: 'internal', source: 'ICANN Board resolution 2024.07.29.06' },
  { suffix: 'local', source: 'RFC 6762' },
  { suffix: 'localdomain', source: 'default domain of many resolvers' },
  { suffix: 'home.arpa', source: 'RFC 8375' },
  { suffix: 'test', source: 'RFC 6761' },
  { suffix: 'invalid', source: 'RFC 6761' },
  { suffix: 'onion', source: 'RFC 7686' },
];

/** The bad ports of the fetch standard from 1024 up: https://fetch.spec.whatwg.org/#port-blocking */
const otherServicePorts = new Set([
  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697,
  10080,
]);

/**
 * Judges an IPv4 (four decimal numbers) or IPv6 address: public or inside `allow`. Anything else is refused.
 * @returns never throws.
 * @example judgeAddress('169.254.169.254', []); // { ok: false, message: '169.254.169.254 is not an address on …' }
 */
export function judgeAddress(address: string, allow: CidrList): AddressJudgement {
  // A zone (fe80::1%eth0) names a network card of this machine.
  if (isIP(address) === 0 || address.includes('%'))
    return { ok: false, message: 'This is not an IP address.' };
  const parsed = ipaddr.parse(address);
  if (contains(allow, address)) return { ok: true };
  const range = blocked.find(({ cidr }) => isInside(parsed, cidr));
  const kind = range?.kind ?? (isIsatap(parsed) ? 'IPv4 inside IPv6' : null);
  if (kind === null) return { ok: true };
  return { ok: false, message: `${address} is not an address on the public internet (${kind}).` };
}

/** What {@link judgeAddress} answers. */
export type AddressJudgement = { ok: true } | { ok: false; message: string };

/**
 * Judges the addresses that the host of a judged URL turned out to have. One forbidden address forbids the host: a mixed
 * answer is how a name is turned against the network it is resolved in.
 * @returns true when every one may be connected to; false for none at all.
 */
export function judgeResolved(addresses: readonly string[], onlyAllowed: boolean, allow: CidrList): boolean {
  const mayConnect = (address: string) =>
    onlyAllowed ? contains(allow, address) : judgeAddress(address, allow).ok;
  return addresses.length > 0 && addresses.every(mayConnect);
}

/**
 * The IP address that a parsed URL names directly, without the brackets of IPv6; null for a name.
 * @example addressOf(new URL('http://0x7f.1/')); // '127.0.0.1'
 */
export function addressOf(url: URL): string | null {
  const host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
  return isIP(host) === 0 ? null : host;
}

/**
 * The host name of a parsed URL as DNS and TLS know it: without the one trailing dot.
 * @example nameOf(new URL('https://Example.com./')); // 'example.com'
 */
export function nameOf(url: URL): string {
  return url.hostname.replace(/\.$/, '');
}

/** IP ranges, as {@link parseCidrs} reads them. */
export type CidrList = readonly Cidr[];
type Address = ReturnType<typeof ipaddr.parse>;
type Cidr = ReturnType<typeof ipaddr.parseCIDR>;

/**
 * Reads a comma-separated list of IPv4 and IPv6 ranges and single addresses; empty text is an empty list.
 * @throws Error that names the first part that is neither.
 * @example parseCidrs('10.0.0.0/8, ::1');
 */
export function parseCidrs(text: string): CidrList {
  const parts = text.split(',').map((part) => part.trim());
  return parts.filter((part) => part !== '').map(parseCidr);
}

function parseCidr(part: string): Cidr {
  const [, address = '', bits] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(part) ?? [];
  const maxBits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  if (maxBits < 0 || Number(bits ?? 0) > maxBits)
    throw new Error(
      `must be IP addresses or ranges such as 10.0.0.0/8, separated by commas; "${part}" is neither`,
    );
  return [ipaddr.parse(address), Number(bits ?? maxBits)];
}

/**
 * Whether an address is inside one of the ranges. IPv4 ranges hold IPv4 addresses only, not those mapped into IPv6.
 * @returns never throws; false for text that is not an address.
 */
export function contains(ranges: CidrList, address: string): boolean {
  if (ranges.length === 0 || isIP(address) === 0) return false;
  const parsed = ipaddr.parse(address);
  return ranges.some((range) => isInside(parsed, range));
}

function isInside(address: Address, range: Cidr): boolean {
  return address.kind() === range[0].kind() && address.match(range);
}

/**
 * The interface identifier of ISATAP (RFC 5214, 6.1) ends in an IPv4 address under whatever prefix, so that no range
 * holds it. NAT64 with a network's own prefix (RFC 6052) leaves no mark by which to know it.
 */
function isIsatap(address: Address): boolean {
  if (!('parts' in address)) return false;
  const [, , , , flags = -1, marker] = address.parts;
  return marker === 0x5efe && (flags & ~0x0200) === 0;
}

const blocked = blockedRanges.map(({ range, kind }) => ({ cidr: parseCidr(range), kind }));
