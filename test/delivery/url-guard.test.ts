import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { blockedRanges } from '../../src/delivery/blocked-ranges.ts';
import { contains, judgeAddress, judgeResolved, judgeUrl, parseCidrs } from '../../src/delivery/url-guard.ts';

const nothing = parseCidrs('');
const isPublic = (address: string) => judgeAddress(address, nothing).ok;
const accepts = (url: string, allow = '') => judgeUrl(url, parseCidrs(allow)).ok;

function refusal(url: string, allow = ''): string {
  const judged = judgeUrl(url, parseCidrs(allow));
  return judged.ok ? 'accepted' : judged.message;
}

describe('addresses', () => {
  // Each row: the first and last blocked address of a range, and the public neighbours on both sides, if any.
  const edges: [first: string, last: string, before?: string | undefined, after?: string][] = [
    ['0.0.0.0', '0.255.255.255', undefined, '1.0.0.0'],
    ['10.0.0.0', '10.255.255.255', '9.255.255.255', '11.0.0.0'],
    ['100.64.0.0', '100.127.255.255', '100.63.255.255', '100.128.0.0'],
    ['127.0.0.0', '127.255.255.255', '126.255.255.255', '128.0.0.0'],
    ['168.63.129.16', '168.63.129.16', '168.63.129.15', '168.63.129.17'],
    ['169.254.0.0', '169.254.255.255', '169.253.255.255', '169.255.0.0'],
    ['172.16.0.0', '172.31.255.255', '172.15.255.255', '172.32.0.0'],
    ['192.0.0.0', '192.0.0.255', '191.255.255.255', '192.0.1.0'],
    ['192.0.2.0', '192.0.2.255', '192.0.1.255', '192.0.3.0'],
    ['192.88.99.0', '192.88.99.255', '192.88.98.255', '192.88.100.0'],
    ['192.168.0.0', '192.168.255.255', '192.167.255.255', '192.169.0.0'],
    ['198.18.0.0', '198.19.255.255', '198.17.255.255', '198.20.0.0'],
    ['198.51.100.0', '198.51.100.255', '198.51.99.255', '198.51.101.0'],
    ['203.0.113.0', '203.0.113.255', '203.0.112.255', '203.0.114.0'],
    ['224.0.0.0', '239.255.255.255', '223.255.255.255'],
    ['240.0.0.0', '255.255.255.255'],
    ['::', '1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', undefined, '2000::'],
    ['4000::', '7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['8000::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    [
      '2001::',
      '2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff',
      '2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
      '2001:200::',
    ],
    ['2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', '2001:db7:ffff:ffff::', '2001:db9::'],
    ['2002::', '2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '2001:ffff:ffff:ffff::', '2003::'],
    ['3fff::', '3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff', '3ffe:ffff:ffff:ffff::', '3fff:1000::'],
  ];
  test.each(edges)('from %s to %s is blocked, the neighbours are not', (first, last, before, after) => {
    expect([first, last].filter(isPublic)).toEqual([]);
    const neighbours = [before, after].filter((address) => address !== undefined);
    expect(neighbours.filter((address) => !isPublic(address))).toEqual([]);
  });

  test('the table blocks exactly these, and says of each where it is written', () => {
    const spans = edges.map(([first, last]) => [numberOf(first), numberOf(last)] as const);
    const rows = blockedRanges.map(({ range }) => spanOf(range));
    for (const [first, last] of rows)
      expect(spans.some(([from, to]) => from <= first && last <= to)).toBe(true);
    for (const span of spans) expect(rows).toContainEqual(span);
    for (const { kind, source, registry } of blockedRanges) {
      expect(kind).toMatch(/^\w/);
      expect(source).toMatch(/^(RFC \d+|Microsoft Azure: .+)$/);
      expect(registry).toMatch(/^(IANA .+|documentation of the cloud)$/);
    }
  });

  test('IPv6 is judged by its value in any spelling', () => {
    const spans = edges.map(([first, last]) => [numberOf(first), numberOf(last)] as const);
    const isBlocked = (n: bigint) => spans.some(([first, last]) => first <= n && n <= last);
    const anyNumber = fc.bigInt({ min: ipv6Base, max: ipv6Base + (1n << 128n) - 1n });
    const nearEdge = fc
      .tuple(fc.constantFrom(...spans.flat()), fc.bigInt({ min: -2n, max: 2n }))
      .map(([edge, by]) => edge + by)
      .filter((n) => n >= ipv6Base && n < ipv6Base + (1n << 128n));
    const isatap = fc
      .tuple(
        fc.bigInt({ min: 0x2600n << 112n, max: (0x2601n << 112n) - 1n }),
        fc.constantFrom(0x5efen, 0x2005efen),
      )
      .map(([n, marker]) => ipv6Base + ((n >> 64n) << 64n) + (marker << 32n) + (n & 0xffffffffn));
    fc.assert(
      fc.property(fc.oneof(anyNumber, nearEdge, isatap), fc.boolean(), fc.boolean(), (n, upper, dotted) => {
        const spelled = spellIpv6(n, dotted);
        const text = upper ? spelled.toUpperCase() : spelled;
        const expected = !isBlocked(n) && !isIsatap(n);
        expect([text, isPublic(text), accepts(`https://[${text}]/`)]).toEqual([text, expected, expected]);
      }),
      { numRuns: 3000 },
    );
  });

  test.each([
    '',
    'example.com',
    '127.1',
    '010.0.0.1',
    '0x7f000001',
    '1.1.1.1/32',
    '2600::1%eth0 ',
    'fe80::%/10',
    '[2600::1]',
    ' 1.1.1.1',
  ])('%j is not an address and thus refused', (text) => {
    expect(judgeAddress(text, nothing).ok).toBe(false);
    expect(contains(parseCidrs('0.0.0.0/0,::/0'), text)).toBe(false);
  });

  test('every form that embeds an IPv4 address in IPv6 is blocked, whatever the IPv4 address', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0, max: 0xffff }), (high, low) => {
        const v4 = `${high.toString(16)}:${low.toString(16)}`;
        const forms = [
          `::${v4}`,
          `::ffff:${v4}`,
          `::ffff:0:${v4}`,
          `64:ff9b::${v4}`,
          `64:ff9b:1::${v4}`,
          `2002:${v4}::1`,
          `2001:0:4136:e378:8000:63bf:${v4}`,
          `2600:1:2:3:0:5efe:${v4}`,
          `2600:1:2:3:200:5efe:${v4}`,
          `fe80::5efe:${v4}`,
        ];
        expect(forms.filter((form) => isPublic(form) || accepts(`https://[${form}]/`))).toEqual([]);
      }),
    );
  });

  test('any text is judged without throwing', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.ipV4(), fc.ipV4Extended(), fc.ipV6());
    expect(() => fc.assert(fc.property(text, (address) => void isPublic(address)))).not.toThrow();
  });

  test('an address with a zone is refused', () => {
    expect(judgeAddress('2600::1%eth0', parseCidrs('::/0')).ok).toBe(false);
  });

  test('of several addresses one forbidden forbids all, and none at all is not enough', () => {
    expect(judgeResolved(['1.1.1.1', '2600::1'], false, nothing)).toBe(true);
    expect(judgeResolved(['1.1.1.1', '10.0.0.1'], false, nothing)).toBe(false);
    expect(judgeResolved([], false, nothing)).toBe(false);
    expect(judgeResolved(['1.1.1.1'], true, parseCidrs('10.0.0.0/8'))).toBe(false);
    expect(judgeResolved(['10.0.0.1'], true, parseCidrs('10.0.0.0/8'))).toBe(true);
  });
});

describe('IPv4 in a URL', () => {
  const blocked: [base: number, bits: number][] = [
    [0x00000000, 8],
    [0x0a000000, 8],
    [0x64400000, 10],
    [0x7f000000, 8],
    [0xa83f8110, 32],
    [0xa9fe0000, 16],
    [0xac100000, 12],
    [0xc0000000, 24],
    [0xc0000200, 24],
    [0xc0586300, 24],
    [0xc0a80000, 16],
    [0xc6120000, 15],
    [0xc6336400, 24],
    [0xcb007100, 24],
    [0xe0000000, 4],
    [0xf0000000, 4],
  ];
  const isBlocked = (value: number) =>
    blocked.some(([base, bits]) => value >= base && value < base + 2 ** (32 - bits));

  /** Numbers near the edges of the ranges, and any others. */
  const edge = fc.constantFrom(...blocked.flatMap(([base, bits]) => [base, base + 2 ** (32 - bits)]));
  const nearEdge = fc.tuple(edge, fc.integer({ min: -1, max: 1 })).map(([value, by]) => value + by);
  const value = fc
    .oneof(fc.integer({ min: 0, max: 0xffffffff }), nearEdge)
    .filter((n) => n >= 0 && n <= 0xffffffff);
  const radix = fc.constantFrom(
    (n: number) => String(n),
    (n: number) => `0x${n.toString(16)}`,
    (n: number) => `0X${n.toString(16).toUpperCase()}`,
    (n: number) => `0${n.toString(8)}`,
  );

  test('is judged by its value in any spelling: decimal, hexadecimal, octal, in 1 to 4 parts', () => {
    const radices = fc.array(radix, { minLength: 4, maxLength: 4 });
    const decimal = [String, String, String, String];
    const dot = fc.constantFrom('', '.');
    fc.assert(
      fc.property(value, fc.integer({ min: 1, max: 4 }), radices, dot, (n, parts, spelling, end) => {
        const judged = judgeUrl(`https://${spell(n, parts, spelling)}${end}/`, nothing);
        expect(judged.ok && judged.url.hostname).toBe(isBlocked(n) ? false : spell(n, 4, decimal));
      }),
      { numRuns: 2000 },
    );
  });

  test('is seen through full-width digits and percent encoding', () => {
    expect(refusal('http://１２７.０.０.１/')).toContain(
      '127.0.0.1 is not an address on the public internet',
    );
    expect(refusal('http://%31%32%37.0.0.1/')).toContain('127.0.0.1 is not an address');
  });
});

describe('URLs', () => {
  test.each([
    'https://example.com',
    'https://example.com./hook',
    'https://EXAMPLE.com:1024/hook?a=b#c',
    'https://example.com:65535',
    'https://example.com:80/',
    'https://1.1.1.1:8443/hook',
    'https://[2606:4700::1111]/',
    'https://bücher.example/',
    'https://a_b.example.com/',
    'https://nolocalhost.com/',
    'https://internal.example.com/',
  ])('%s is accepted', (url) => expect(refusal(url)).toBe('accepted'));

  test('one is judged the same after thousands of others, when the engine has optimized the way', () => {
    for (let n = 0; n < 20_000; n += 1) judgeUrl(`https://${n}.bücher.example/`, nothing);
    expect(refusal('https://bücher.example/')).toBe('accepted');
  });

  test.each([
    ['example.com/hook', 'not a full URL'],
    ['', 'not a full URL'],
    ['https://', 'not a full URL'],
    ['https://exa mple.com', 'not a full URL'],
    ['https://[fe80::1%25eth0]/', 'not a full URL'],
    ['https://1.2.3.4.5/', 'not a full URL'],
    ['ftp://example.com/', 'must begin with https://'],
    ['file:///etc/passwd', 'must begin with https://'],
    ['javascript:alert(1)', 'must begin with https://'],
    ['https://user@example.com/', 'user name or password'],
    ['https://:secret@example.com/', 'user name or password'],
    ['https://example..com/', 'empty part'],
    ['https://example.com../', 'empty part'],
    ['https://.example.com/', 'empty part'],
    ['https://./', 'empty part'],
    ['https://localhost/', 'end in localhost'],
    ['https://LOCALHOST./', 'end in localhost'],
    ['https://a.localhost/', 'end in localhost'],
    ['https://metadata.google.internal/', 'end in internal'],
    ['https://printer.local/', 'end in local '],
    ['https://a.localdomain/', 'end in localdomain'],
    ['https://a.home.arpa/', 'end in home.arpa'],
    ['https://home.arpa./', 'end in home.arpa'],
    ['https://a.test/', 'end in test'],
    ['https://a.invalid/', 'end in invalid'],
    ['https://a.onion/', 'end in onion'],
    ['https://printer/', '"printer" is not a full host name'],
    ['https://com./', '"com" is not a full host name'],
    ['https://[::1]/', '::1 is not an address on the public internet'],
    ['https://[::ffff:1.1.1.1]/', 'IPv4 inside IPv6'],
    ['https://10.0.0.1/', '10.0.0.1 is not an address on the public internet (private network)'],
    ...[0, 1, 22, 79, 81, 442, 444, 1023].map((port) => [
      `https://example.com:${port}/`,
      `Port ${port} cannot`,
    ]),
    ...[1719, 2049, 5060, 6000, 6667, 10080].map((port) => [
      `https://1.1.1.1:${port}/`,
      `Port ${port} cannot`,
    ]),
  ])('%s is refused: %s', (url, message) => expect(refusal(url)).toContain(message));

  test('a URL may have 2048 characters when encoded, its host name 253, a part of that 63', () => {
    const almost = `${'a'.repeat(63)}.`.repeat(3);
    expect(refusal(`https://example.com/${'a'.repeat(2048 - 20)}`)).toBe('accepted');
    expect(refusal(`https://example.com/${'a'.repeat(2048 - 19)}`)).toContain('longer than 2048');
    expect(refusal(`https://example.com/${'ü'.repeat(400)}`)).toContain('longer than 2048');
    expect(refusal(`https://${almost}${'a'.repeat(61)}./`)).toBe('accepted');
    expect(refusal(`https://${almost}${'a'.repeat(62)}/`)).toContain('longer than 253');
    expect(refusal(`https://${'a'.repeat(64)}.com/`)).toContain('longer than 63');
  });

  test('http is accepted with a warning, https without', () => {
    expect(judgeUrl('http://example.com/', nothing)).toMatchObject({
      ok: true,
      warnings: [expect.stringContaining('https')],
    });
    expect(judgeUrl('https://example.com/', nothing)).toMatchObject({ ok: true, warnings: [] });
  });

  test('the URL of the answer is the judged one, normalized', () => {
    expect(judgeUrl(' HTTPS:\\\\Example.com:443\t/a/../b ', nothing)).toMatchObject({
      url: new URL('https://example.com/b'),
    });
  });

  test('any text is judged without throwing, and what is accepted is an http URL without credentials', () => {
    const pieces = 'http s : // @ [ ] . 0x :: % 127 localhost / #'.split(' ');
    const part = fc.constantFrom(...pieces);
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.webUrl(),
      fc.array(part).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (url) => {
        const judged = judgeUrl(url, nothing);
        const verdict = judged.ok ? judged.url.href : judged.message;
        expect(verdict).toMatch(judged.ok ? /^https?:\/\/[^@/]+\// : /./);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('DELIVERY_ALLOW_CIDRS', () => {
  test('excuses addresses inside it from the address and port rules, and no others', () => {
    expect(accepts('http://10.1.2.3:22/', '10.1.0.0/16')).toBe(true);
    expect(accepts('http://[fd00::1]:6000/', 'fd00::/8')).toBe(true);
    expect(accepts('http://10.2.2.3/', '10.1.0.0/16')).toBe(false);
    expect(accepts('http://1.1.1.1:22/', '10.1.0.0/16')).toBe(false);
    expect(accepts('http://[::ffff:10.1.2.3]/', '10.1.0.0/16')).toBe(false);
  });

  test('leaves a name or port that breaks a rule to be judged by the addresses it will have', () => {
    const allow = parseCidrs('127.0.0.1');
    for (const url of [
      'http://localhost/',
      'http://printer/',
      'http://a.internal/',
      'http://example.com:22/',
    ])
      expect(judgeUrl(url, allow)).toMatchObject({ ok: true, onlyAllowed: true });
    expect(judgeUrl('http://example.com/', allow)).toMatchObject({ ok: true, onlyAllowed: false });
  });

  test('excuses nothing else', () => {
    for (const url of [
      'ftp://127.0.0.1/',
      'http://user@127.0.0.1/',
      'http://a..b/',
      `http://${'a'.repeat(64)}/`,
    ])
      expect(accepts(url, '0.0.0.0/0,::/0')).toBe(false);
  });

  test('is read with blanks, single addresses and both families', () => {
    const list = parseCidrs(' 10.0.0.0/8, 192.168.1.7 ,fd00::/8,::1,');
    const inside = ['10.255.0.1', '192.168.1.7', 'fd12::1', '::1'];
    const outside = ['11.0.0.1', '192.168.1.8', 'fe80::1', '::2', '::ffff:10.0.0.1'];
    expect([...inside, ...outside].filter((address) => contains(list, address))).toEqual(inside);
    expect(parseCidrs('  ')).toEqual([]);
  });

  test.each([
    '10.0.0.0/33',
    '10.0.0/8',
    '::/129',
    'localhost',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '0x7f.0.0.1',
    'fe80::%eth0/64',
    '/8',
  ])('%j in it is named as neither an address nor a range', (part) =>
    expect(() => parseCidrs(`10.0.0.0/8, ${part}`)).toThrow(`"${part}" is neither`),
  );
});

/** Writes a number in 1 to 4 parts, of which the last holds all the bytes that are left. */
function spell(n: number, parts: number, radices: ((n: number) => string)[]): string {
  const bytes = [24, 16, 8].slice(0, parts - 1).map((shift) => Math.floor(n / 2 ** shift) % 256);
  const rest = n % 2 ** (8 * (5 - parts));
  return [...bytes, rest].map((part, index) => radices[index]?.(part)).join('.');
}

/** Above every IPv4 address, so that both families fit on one line of numbers. */
const ipv6Base = 1n << 128n;

/** An address as a number, IPv6 after all of IPv4. */
function numberOf(address: string): bigint {
  if (!address.includes(':'))
    return address.split('.').reduce((number, part) => number * 256n + BigInt(part), 0n);
  const [left = [], right = []] = address
    .split('::')
    .map((side) => side.split(':').filter((part) => part !== ''));
  const between = Array<string>(8 - left.length - right.length).fill('0');
  return [...left, ...between, ...right].reduce((number, part) => number * 65_536n + BigInt(`0x${part}`), 1n);
}

/** Whether the interface identifier is that of ISATAP. */
function isIsatap(number: bigint): boolean {
  return [0x5efen, 0x2005efen].includes((number >> 32n) & 0xffffffffn);
}

/** The first and the last address of a range. */
function spanOf(range: string): [bigint, bigint] {
  const [address = '', bits = ''] = range.split('/');
  const size = 1n << BigInt((address.includes(':') ? 128 : 32) - Number(bits));
  return [numberOf(address), numberOf(address) + size - 1n];
}

/** Writes an IPv6 address in eight parts, or in six and the last four bytes as IPv4 is written. */
function spellIpv6(number: bigint, dotted: boolean): string {
  const parts = Array.from({ length: 8 }, (_, n) => Number((number >> BigInt(16 * (7 - n))) & 0xffffn));
  const hex = parts.map((part) => part.toString(16));
  if (!dotted) return hex.join(':');
  const bytes = parts.slice(6).flatMap((part) => [part >> 8, part & 255]);
  return [...hex.slice(0, 6), bytes.join('.')].join(':');
}
