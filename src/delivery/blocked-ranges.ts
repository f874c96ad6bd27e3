/**
 * A range of addresses that nothing is sent to: what it is, as people may read it, and where this is written: `registry`
 * lists it, `source` sets it aside.
 * @example { range: '10.0.0.0/8', kind: 'private network', source: 'RFC 1918', registry: 'IANA IPv4 Special-Purpose …' }
 */
export type BlockedRange = { range: string; kind: string; source: string; registry: string };

type Entry = [range: string, kind: string, source: string];

/** Ranges of this registry that it calls globally reachable, such as 192.31.196.0/24 (AS112), are not blocked. */
const ipv4SpecialPurpose: Entry[] = [
  ['0.0.0.0/8', 'this network', 'RFC 791'],
  ['10.0.0.0/8', 'private network', 'RFC 1918'],
  ['100.64.0.0/10', 'shared by an internet provider', 'RFC 6598'],
  ['127.0.0.0/8', 'this machine', 'RFC 1122'],
  ['169.254.0.0/16', 'link-local', 'RFC 3927'],
  ['172.16.0.0/12', 'private network', 'RFC 1918'],
  ['192.0.0.0/24', 'protocol assignments', 'RFC 6890'],
  ['192.0.2.0/24', 'documentation', 'RFC 5737'],
  ['192.88.99.0/24', '6to4 relay', 'RFC 7526'],
  ['192.168.0.0/16', 'private network', 'RFC 1918'],
  ['198.18.0.0/15', 'benchmarking', 'RFC 2544'],
  ['198.51.100.0/24', 'documentation', 'RFC 5737'],
  ['203.0.113.0/24', 'documentation', 'RFC 5737'],
  ['240.0.0.0/4', 'reserved', 'RFC 1112'],
];

const ipv4Multicast: Entry[] = [['224.0.0.0/4', 'multicast', 'RFC 5771']];

/** Platforms of clouds that are reached by public addresses. */
const clouds: Entry[] = [
  ['168.63.129.16/32', 'cloud platform', 'Microsoft Azure: What is IP address 168.63.129.16?'],
];

const ipv6SpecialPurpose: Entry[] = [
  ['::1/128', 'this machine', 'RFC 4291'],
  ['::/128', 'no address', 'RFC 4291'],
  ['::ffff:0:0/96', 'IPv4 inside IPv6', 'RFC 4291'],
  ['64:ff9b::/96', 'IPv4 inside IPv6', 'RFC 6052'],
  ['64:ff9b:1::/48', 'IPv4 inside IPv6', 'RFC 8215'],
  ['100::/64', 'discarded', 'RFC 6666'],
  ['2001::/32', 'IPv4 inside IPv6', 'RFC 4380'],
  ['2001::/23', 'protocol assignments', 'RFC 2928'],
  ['2001:db8::/32', 'documentation', 'RFC 3849'],
  ['2002::/16', 'IPv4 inside IPv6', 'RFC 3056'],
  ['3fff::/20', 'documentation', 'RFC 9637'],
  ['5f00::/16', 'inside one network', 'RFC 9602'],
  ['fc00::/7', 'private network', 'RFC 4193'],
  ['fe80::/10', 'link-local', 'RFC 4291'],
];

/** Only 2000::/3 is handed out as public addresses: these are all the others. */
const ipv6AddressSpace: Entry[] = [
  ['::/96', 'IPv4 inside IPv6', 'RFC 4291'],
  ['fec0::/10', 'private network', 'RFC 3879'],
  ['ff00::/8', 'multicast', 'RFC 4291'],
  ['::/3', 'reserved', 'RFC 4291'],
  ['4000::/2', 'reserved', 'RFC 4291'],
  ['8000::/1', 'reserved', 'RFC 4291'],
];

/** Every blocked range; of several that hold an address, the first tells best what it is. */
export const blockedRanges: BlockedRange[] = [
  ...listedIn('IANA IPv4 Special-Purpose Address Registry', ipv4SpecialPurpose),
  ...listedIn('IANA IPv4 Multicast Address Space Registry', ipv4Multicast),
  ...listedIn('documentation of the cloud', clouds),
  ...listedIn('IANA IPv6 Special-Purpose Address Registry', ipv6SpecialPurpose),
  ...listedIn('IANA Internet Protocol Version 6 Address Space', ipv6AddressSpace),
];

function listedIn(registry: string, entries: Entry[]): BlockedRange[] {
  return entries.map(([range, kind, source]) => ({ range, kind, source, registry }));
}
