/** Templates, and data, that try to hurt the process or to see what is none of their business. */
export type Hostile = {
  name: string;
  template: string;
  data?: Record<string, unknown>;
  /** What must come out: exactly this text, or an error with such a message. */
  expected: string | RegExp;
};

const tooMuch = /too much work|takes too long|too long|builds too much|at most 10000|too large/;
const tooDeep = /nested too deeply|inside each other|too many tags|takes too long/;
const notValid = /./;

const long = 'a'.repeat(200_000);
const half = 'a'.repeat(100_000);
/** A pattern for which the engine's own search takes more than a minute. */
const slowPattern = `${'a'.repeat(1 << 18)}b${'a'.repeat(1 << 18)}`;
const slowText = 'a'.repeat(1 << 20);
const doubling = (start: string, step: string, times: number) =>
  `{% set a = ${start} %}${`{% set a = ${step} %}`.repeat(times)}`;

const time: Hostile[] = [
  {
    name: 'nested loops',
    template: nest('{% for i in range(10000) %}', '{% endfor %}', 3),
    expected: tooMuch,
  },
  {
    name: 'nested empty loops',
    template: nest('{% for i in range(1000) %}', '{% endfor %}', 12),
    expected: tooMuch,
  },
  {
    name: 'loops over the data',
    template: nest('{% for i in l %}', '{% endfor %}', 4),
    data: { l: Array(10_000).fill(1) },
    expected: tooMuch,
  },
  { name: 'a huge range', template: '{{ range(1000000000) }}', expected: /at most 10000/ },
  { name: 'a range to 2^53', template: '{{ range(9007199254740991)|length }}', expected: /at most 10000/ },
  { name: 'a range backwards', template: '{{ range(0, -100000000, -1)|length }}', expected: /at most 10000/ },
  { name: 'a range that stands still', template: '{{ range(0, 10, 0) }}', expected: /cannot be 0/ },
  { name: 'a range of floats', template: '{{ range(0.5) }}', expected: /must be an integer/ },
  { name: 'a range of nothing', template: '{{ range() }}', expected: /needs an integer/ },
  { name: 'a range of texts', template: '{{ range("9") }}', expected: /must be an integer/ },
  {
    name: 'a loop over a long text',
    template: '{% for c in a %}{% endfor %}',
    data: { a: long },
    expected: /at most/,
  },
  {
    name: 'a loop over a long list',
    template: '{% for c in a %}{% endfor %}',
    data: { a: Array(100_000).fill(0) },
    expected: /at most/,
  },
  {
    name: 'search for a pattern that is slow to find',
    template: '{{ p in t }}',
    data: { p: slowPattern, t: slowText },
    expected: /^false$|takes too long/,
  },
  {
    name: 'search in a loop',
    template: '{% for i in range(10000) %}{{ p in t }}{% endfor %}',
    data: { p: slowPattern, t: slowText },
    expected: tooMuch,
  },
  {
    name: 'replacing a pattern that is slow to find',
    template: '{{ t|replace(p, "")|length }}',
    data: { p: slowPattern, t: slowText },
    expected: tooMuch,
  },
  {
    name: 'splitting at a pattern that is slow to find',
    template: '{{ t.split(p)|length }}',
    data: { p: slowPattern, t: slowText },
    expected: /^1$|takes too long/,
  },
  {
    name: 'a slow pattern built by the template',
    template: '{% set a = "a" * 60000 %}{{ (a ~ "b" ~ a) in (a * 4) }}',
    expected: /^false$|takes too long/,
  },
  {
    name: 'sorting in a loop',
    template: '{% for i in range(10000) %}{% set x = l|sort %}{% endfor %}',
    data: { l: Array.from({ length: 5000 }, (_, i) => String((i * 7919) % 5003)) },
    expected: tooMuch,
  },
  {
    name: 'sorting long texts',
    template: '{{ l|sort|length }}',
    data: { l: Array.from({ length: 9000 }, (_, i) => `${long}${i}`) },
    expected: tooMuch,
  },
  {
    name: 'sorting by a long path',
    template: `{% for i in range(1000) %}{{ l|sort(attribute="${'a.'.repeat(20_000)}")|length }}{% endfor %}`,
    data: { l: Array.from({ length: 1000 }, () => ({ a: 1 })) },
    expected: /./,
  },
  {
    name: 'comparing big lists',
    template: '{% for i in range(10000) %}{{ a == b }}{% endfor %}',
    data: { a: Array(50_000).fill(1), b: Array(50_000).fill(1) },
    expected: tooMuch,
  },
  {
    name: 'comparing lists that hold themselves many times',
    template: `${doubling('[1]', '[a, a]', 40)}{% set b = a %}${doubling('[1]', '[a, a]', 40)}{{ a == b }}`,
    expected: tooMuch,
  },
  {
    name: 'looking for a member in a loop',
    template: '{% for i in range(10000) %}{{ 2 in a }}{% endfor %}',
    data: { a: Array(100_000).fill(1) },
    expected: tooMuch,
  },
  {
    name: 'macros that call each other twice',
    template: `{% macro m0() %}x{% endmacro %}${Array.from({ length: 40 }, (_, i) => `{% macro m${i + 1}() %}{{ m${i}() }}{{ m${i}() }}{% endmacro %}`).join('')}{{ m40() }}`,
    expected: tooMuch,
  },
  {
    name: 'filters in a loop',
    template: `{% for i in range(10000) %}{{ t|upper|lower|title|capitalize|trim|length }}{% endfor %}`,
    data: { t: long },
    expected: tooMuch,
  },
  {
    name: 'selecting in a loop',
    template:
      '{% for i in range(10000) %}{% set x = l|selectattr("a")|map(attribute="a")|unique %}{% endfor %}',
    data: { l: Array.from({ length: 10_000 }, (_, a) => ({ a })) },
    expected: tooMuch,
  },
  {
    name: 'a condition of a loop',
    template: '{% for i in range(10000) if range(10000)|sum > 1 %}{% endfor %}',
    expected: tooMuch,
  },
  {
    name: 'slices in a loop',
    template: '{% for i in range(10000) %}{% set x = t[::-1] %}{% endfor %}',
    data: { t: slowText },
    expected: tooMuch,
  },
  { name: 'a power tower', template: '{{ 9 ** 9 ** 9 ** 9 }}', expected: /too large/ },
  { name: 'a huge power', template: '{{ 10 ** 400 }}', expected: /too large/ },
  { name: 'division by zero', template: '{{ 1 / 0 }}', expected: /Division by zero/ },
  { name: 'a remainder of zero', template: '{{ 1 % 0 }}', expected: /Division by zero/ },
  { name: 'a whole division by zero', template: '{{ 1 // 0.0 }}', expected: /Division by zero/ },
  { name: 'zero to a negative power', template: '{{ 0 ** -1 }}', expected: /too large/ },
  { name: 'a complex number', template: '{{ (-8) ** 0.5 }}', expected: /too large/ },
];

const memory: Hostile[] = [
  { name: 'text doubled', template: `${doubling('"ab"', 'a ~ a', 60)}{{ a }}`, expected: tooMuch },
  { name: 'text doubled by +', template: `${doubling('"ab"', 'a + a', 60)}{{ a }}`, expected: tooMuch },
  { name: 'text multiplied', template: '{{ "abc" * 1000000000 }}', expected: tooMuch },
  { name: 'text multiplied from the left', template: '{{ 1000000000 * "abc" }}', expected: tooMuch },
  {
    name: 'text multiplied again and again',
    template: doubling('"ab"', 'a * 1000', 10),
    expected: tooMuch,
  },
  { name: 'text multiplied by less than nothing', template: '{{ "abc" * -5 }}', expected: '' },
  { name: 'lists doubled', template: `${doubling('[1]', 'a + a', 60)}{{ a|length }}`, expected: tooMuch },
  { name: 'lists multiplied', template: '{{ [1] * 1000000000 }}', expected: /cannot be applied/ },
  { name: 'lists in lists, printed', template: `${doubling('[1]', '[a, a]', 60)}{{ a }}`, expected: tooMuch },
  {
    name: 'lists in lists, as JSON',
    template: `${doubling('[1]', '[a, a]', 60)}{{ a|tojson }}`,
    expected: tooMuch,
  },
  {
    name: 'lists in lists, as text',
    template: `${doubling('[1]', '[a, a]', 60)}{{ a|string }}`,
    expected: tooMuch,
  },
  {
    name: 'lists in lists, joined',
    template: `${doubling('[1]', '[a, a]', 60)}{{ a|join }}`,
    expected: tooMuch,
  },
  {
    name: 'lists in lists, with ~',
    template: `${doubling('[1]', '[a, a]', 60)}{{ a ~ "" }}`,
    expected: tooMuch,
  },
  {
    name: 'lists in lists, compared',
    template: `${doubling('[1]', '[a, a]', 60)}{{ a == "" }}`,
    expected: 'false',
  },
  {
    name: 'lists in lists, printed by a call block',
    template: `${doubling('[1]', '[a, a]', 60)}{% set f = {"k": a}.values %}{% call f() %}{% endcall %}`,
    expected: tooMuch,
  },
  {
    name: 'dicts in dicts',
    template: `${doubling('{"k": 1}', '{"x": a, "y": a}', 60)}{{ a }}`,
    expected: tooMuch,
  },
  {
    name: 'a namespace that holds itself',
    template: '{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}',
    expected: tooDeep,
  },
  {
    name: 'a namespace that holds itself, as JSON',
    template: '{% set ns = namespace() %}{% set ns.a = [ns, ns] %}{{ ns|tojson }}',
    expected: tooDeep,
  },
  {
    name: 'a namespace compared with itself',
    template:
      '{% set a = namespace() %}{% set b = namespace() %}{% set a.x = b %}{% set b.x = a %}{{ a == b }}',
    expected: tooDeep,
  },
  {
    name: 'texts gathered in a namespace',
    template:
      '{% set ns = namespace(l=[]) %}{% for i in range(10000) %}{% set ns.l = ns.l + [(("x" * 200000) ~ i)|upper] %}{% endfor %}',
    expected: tooMuch,
  },
  {
    name: 'a list gathered in a namespace',
    template:
      '{% set ns = namespace(l=[]) %}{% for i in range(10000) %}{% set ns.l = ns.l + range(9000) %}{% endfor %}',
    expected: tooMuch,
  },
  {
    name: 'ranges gathered',
    template:
      '{% set ns = namespace(l=[]) %}{% for i in range(10000) %}{% set ns.l = [ns.l, range(10000)] %}{% endfor %}',
    expected: tooMuch,
  },
  {
    name: 'split texts gathered',
    template:
      '{% set ns = namespace(l=[]) %}{% for i in range(10000) %}{% set ns.l = [ns.l, t.split(",")] %}{% endfor %}',
    data: { t: ','.repeat(100_000) },
    expected: tooMuch,
  },
  {
    name: 'a text split into characters',
    template: '{{ t.split(",")|length }}',
    data: { t: ','.repeat(1 << 20) },
    expected: tooMuch,
  },
  { name: 'a text as a list', template: '{{ t|list|length }}', data: { t: slowText }, expected: tooMuch },
  {
    name: 'texts in one variable each',
    template: Array.from({ length: 1500 }, (_, i) => `{% set v${i} = (t ~ ${i})|upper %}`).join(''),
    data: { t: long },
    expected: tooMuch,
  },
  {
    name: 'replace by something long',
    template: '{{ a|replace("a", a) }}',
    data: { a: half },
    expected: tooMuch,
  },
  {
    name: 'replace nothing by something long',
    template: '{{ a|replace("", a) }}',
    data: { a: half },
    expected: tooMuch,
  },
  { name: 'the method replace', template: '{{ a.replace("a", a) }}', data: { a: half }, expected: tooMuch },
  {
    name: 'the method replace, found by item',
    template: '{{ a["replace"]("a", a) }}',
    data: { a: half },
    expected: tooMuch,
  },
  {
    name: 'the method replace, kept',
    template: '{% set f = a.replace %}{{ f("a", a) }}',
    data: { a: half },
    expected: tooMuch,
  },
  {
    name: 'replace in a chain',
    template: `{{ "aa"${'|replace("a", "aaaaaaaaaa")'.repeat(20)} }}`,
    expected: tooMuch,
  },
  {
    name: 'join with something long',
    template: '{{ range(10000)|join(a) }}',
    data: { a: half },
    expected: tooMuch,
  },
  {
    name: 'the characters of a text joined',
    template: '{{ a|join(a) }}',
    data: { a: half },
    expected: tooMuch,
  },
  { name: 'the method join', template: '{{ a.join(range(10000)) }}', data: { a: half }, expected: tooMuch },
  { name: 'long texts joined', template: '{{ [a, a, a, a, a]|join }}', data: { a: half }, expected: tooMuch },
  { name: 'indented widely', template: '{{ "a\\nb"|indent(1000000000) }}', expected: tooMuch },
  {
    name: 'many lines indented',
    template: '{{ a|indent(200000) }}',
    data: { a: 'x\n'.repeat(100_000) },
    expected: tooMuch,
  },
  {
    name: 'indented by a text',
    template: '{{ a|indent(b) }}',
    data: { a: 'x\n'.repeat(1000), b: long },
    expected: tooMuch,
  },
  { name: 'indented less than not', template: '{{ "a\\nb"|indent(-3) }}', expected: 'a\nb' },
  { name: 'JSON indented widely', template: '{{ [[1]]|tojson(indent=1000000000) }}', expected: /0 to 16/ },
  {
    name: 'deep JSON indented',
    template: `{{ a|tojson(indent=16) }}`,
    data: { a: deepList(190) },
    expected: tooMuch,
  },
  {
    name: 'wide deep JSON indented',
    template: '{{ a|tojson(16) }}',
    data: { a: Array.from({ length: 9000 }, () => [[[[[]]]]]) },
    expected: tooMuch,
  },
  {
    name: 'JSON that is all escapes',
    template: '{{ a|tojson }}',
    data: { a: '<'.repeat(250_000) },
    expected: tooMuch,
  },
  {
    name: 'JSON of control characters',
    template: '{{ a|tojson }}',
    data: { a: '\u0001'.repeat(250_000) },
    expected: tooMuch,
  },
  {
    name: 'text that is all escapes',
    template: '{{ a|escape }}',
    data: { a: '"'.repeat(250_000) },
    expected: tooMuch,
  },
  {
    name: 'text that is all percent',
    template: '{{ a|urlencode }}',
    data: { a: '\u{ffff}'.repeat(250_000) },
    expected: tooMuch,
  },
  {
    name: 'letters that grow',
    template: '{{ a|upper }}',
    data: { a: '\u0390'.repeat(200_000) },
    expected: tooMuch,
  },
  {
    name: 'output in a loop',
    template: '{% for i in range(10000) %}{{ a }}{% endfor %}',
    data: { a: half },
    expected: tooMuch,
  },
  {
    name: 'text in a loop',
    template: `{% for i in range(10000) %}${'x'.repeat(60_000)}{% endfor %}`,
    expected: tooMuch,
  },
  { name: 'output again and again', template: '{{ a }}'.repeat(3000), data: { a: half }, expected: tooMuch },
  {
    name: 'output kept in a variable',
    template: `{% set x %}${'{{ a }}'.repeat(3000)}{% endset %}{{ x|upper }}`,
    data: { a: half },
    expected: tooMuch,
  },
  {
    name: 'output of a macro',
    template: `{% macro m() %}${'{{ a }}'.repeat(3000)}{% endmacro %}{{ m()|upper }}`,
    data: { a: half },
    expected: tooMuch,
  },
  {
    name: 'output of a filter block',
    template: `{% filter upper %}${'{{ a }}'.repeat(3000)}{% endfilter %}`,
    data: { a: half },
    expected: tooMuch,
  },
  {
    name: 'output of a call block',
    template: `{% macro m() %}{{ caller() }}{{ caller() }}{% endmacro %}{% call m() %}${'{{ a }}'.repeat(3000)}{% endcall %}`,
    data: { a: half },
    expected: tooMuch,
  },
  {
    name: 'a filter block that makes a list',
    template: '{% filter list %}{{ a }}{% endfilter %}',
    data: { a: half },
    expected: tooMuch,
  },
  {
    name: 'output over the limit by bytes',
    template: '{{ a }}',
    data: { a: 'ü'.repeat(131_073) },
    expected: /256 KiB/,
  },
  { name: 'a long text of the data', template: '{{ a }}', data: { a: slowText }, expected: /256 KiB/ },
  {
    name: 'a big list of the data',
    template: '{{ a }}',
    data: { a: Array(524_000).fill(0) },
    expected: tooMuch,
  },
  {
    name: 'a big object of the data',
    template: '{{ a }}',
    data: { a: Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, i])) },
    expected: tooMuch,
  },
  {
    name: 'data of too many values',
    template: '{{ a|length }}',
    data: { a: Array(700_000).fill(0) },
    expected: /too many|too long/,
  },
  {
    name: 'data that is deep',
    template: '{{ a }}',
    data: { a: deepList(100_000) },
    expected: /inside each other/,
  },
  {
    name: 'data that is deep in objects',
    template: '{{ a }}',
    data: { a: deepObject(100_000) },
    expected: tooDeep,
  },
  {
    name: 'a spread of many arguments',
    template: '{% macro m() %}{{ varargs|length }}{% endmacro %}{{ m(*a) }}',
    data: { a: Array(500_000).fill(0) },
    expected: /^500000$|takes too long/,
  },
  {
    name: 'a spread into a function',
    template: '{{ namespace(*a) }}',
    data: { a: Array(500_000).fill(0) },
    expected: notValid,
  },
];

const recursion: Hostile[] = [
  {
    name: 'a macro that calls itself',
    template: '{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}',
    expected: tooDeep,
  },
  {
    name: 'macros that call each other',
    template: '{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}',
    expected: tooDeep,
  },
  {
    name: 'a default that calls its macro',
    template: '{% macro m(x=m()) %}{% endmacro %}{{ m() }}',
    expected: tooDeep,
  },
  {
    name: 'a macro that calls itself in a loop',
    template: '{% macro m() %}{% for i in [1, 2] %}{{ m() }}{% endfor %}{% endmacro %}{{ m() }}',
    expected: tooDeep,
  },
  {
    name: 'a call block that calls itself',
    template: '{% macro m() %}{% call m() %}x{% endcall %}{% endmacro %}{{ m() }}',
    expected: tooDeep,
  },
  {
    name: 'a caller that calls',
    template: '{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}{{ m() }}{% endcall %}',
    expected: /./,
  },
  {
    name: 'a macro that is its own argument',
    template: '{% macro m(f) %}{{ f(f) }}{% endmacro %}{{ m(m) }}',
    expected: tooDeep,
  },
  { name: 'parentheses', template: `{{ ${'('.repeat(30_000)}1${')'.repeat(30_000)} }}`, expected: tooDeep },
  { name: 'brackets', template: `{{ ${'['.repeat(30_000)}${']'.repeat(30_000)} }}`, expected: tooDeep },
  { name: 'braces', template: `{{ ${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)} }}`, expected: tooDeep },
  {
    name: 'index in index',
    template: `{{ ${'a['.repeat(20_000)}1${']'.repeat(20_000)} }}`,
    expected: tooDeep,
  },
  { name: 'call in call', template: `{{ ${'a('.repeat(20_000)}${')'.repeat(20_000)} }}`, expected: tooDeep },
  { name: 'not not', template: `{{ ${'not '.repeat(15_000)}1 }}`, expected: tooDeep },
  { name: 'minus minus', template: `{{ ${'- '.repeat(15_000)}1 }}`, expected: tooDeep },
  { name: 'a long sum', template: `{{ 1${'+1'.repeat(9000)} }}`, expected: tooDeep },
  { name: 'a long and', template: `{{ 1${' and 1'.repeat(9000)} }}`, expected: tooDeep },
  {
    name: 'a long chain of members',
    template: `{{ a${'.b'.repeat(9000)} }}`,
    data: { a: 1 },
    expected: tooDeep,
  },
  { name: 'a long chain of calls', template: `{{ a${'()'.repeat(9000)} }}`, expected: tooDeep },
  { name: 'a long chain of filters', template: `{{ a${'|upper'.repeat(9000)} }}`, expected: tooDeep },
  { name: 'a long chain of tests', template: `{{ 1${' is odd'.repeat(7000)} }}`, expected: tooDeep },
  {
    name: 'a long chain of conditions',
    template: `{{ ${'1 if 0 else '.repeat(4000)}1 }}`,
    expected: tooDeep,
  },
  { name: 'if in if', template: nest('{% if 1 %}', '{% endif %}', 3000), expected: tooDeep },
  { name: 'for in for', template: nest('{% for a in b %}', '{% endfor %}', 2000), expected: tooDeep },
  { name: 'macro in macro', template: nest('{% macro m() %}', '{% endmacro %}', 1500), expected: tooDeep },
  { name: 'set in set', template: nest('{% set a %}', '{% endset %}', 2000), expected: tooDeep },
  {
    name: 'filter in filter',
    template: nest('{% filter upper %}', '{% endfilter %}', 1500),
    expected: tooDeep,
  },
  {
    name: 'a long chain of elif',
    template: `{% if 0 %}${'{% elif 0 %}'.repeat(1500)}{% endif %}`,
    expected: tooDeep,
  },
];

const parser: Hostile[] = [
  { name: 'too long', template: 'a'.repeat(65_537), expected: /64 KiB/ },
  { name: 'too many tags', template: '{{a}}'.repeat(13_000), expected: /too many tags|takes too long/ },
  { name: 'spaces in a tag', template: `{{ a${' '.repeat(65_000)} }}`, expected: /^$|takes too long/ },
  {
    name: 'spaces before what the library cuts out',
    template: `{{ ${' '.repeat(60_000)}{% generation %} }}`,
    expected: notValid,
  },
  {
    name: 'line ends in a tag',
    template: `{% if${'\n'.repeat(60_000)}1 %}{% endif %}`,
    expected: /^$|takes too long/,
  },
  { name: 'tags that open only', template: '{{'.repeat(30_000), expected: notValid },
  { name: 'statements that open only', template: '{% '.repeat(20_000), expected: notValid },
  { name: 'comments that open only', template: '{#'.repeat(30_000), expected: /not closed/ },
  { name: 'raw that opens only', template: '{% raw %}'.repeat(7000), expected: /endraw/ },
  { name: 'raw with spaces', template: `{% raw %}${'{%            '.repeat(4000)}`, expected: /endraw/ },
  { name: 'tags that close only', template: '}}'.repeat(30_000), expected: '}}'.repeat(30_000) },
  { name: 'quotes that open only', template: `{{ ${'"'.repeat(60_001)} }}`, expected: notValid },
  { name: 'backslashes', template: `{{ "${'\\'.repeat(60_001)} }}`, expected: /not closed/ },
  { name: 'many texts', template: `{{ ${'"a" '.repeat(3000)} }}`, expected: 'a'.repeat(3000) },
  { name: 'many elements', template: `{{ [${'1,'.repeat(30_000)}] }}`, expected: /too many tags/ },
  { name: 'a long name', template: `{{ ${'a'.repeat(60_000)} }}`, expected: '' },
  { name: 'a long filter', template: `{{ 1|${'a'.repeat(60_000)} }}`, expected: /no filter/ },
  { name: 'a long number', template: `{{ ${'9'.repeat(60_000)} }}`, expected: /too large/ },
  { name: 'a long fraction', template: `{{ 1.${'9'.repeat(60_000)} }}`, expected: '2.0' },
  { name: 'an unknown statement', template: '{% python %}', expected: /no statement/ },
  { name: 'an empty tag', template: '{{ }}', expected: /empty/ },
  { name: 'an empty statement', template: '{%%}', expected: /empty/ },
  { name: 'nothing but an operator', template: '{{ + }}', expected: notValid },
  { name: 'a null character', template: '{{ \u0000 }}', expected: notValid },
  { name: 'letters of elsewhere', template: '{{ ä }}', expected: notValid },
  { name: 'a line separator', template: '{{ a\u2028}}', expected: '' },
  { name: 'a lone surrogate', template: '{{ \ud800 }}', expected: notValid },
  { name: 'an unclosed dict', template: '{{ {"a": 1 }}', expected: notValid },
  { name: 'brackets that cross', template: '{{ ([)] }}', expected: /closes nothing/ },
  { name: 'a tag in a tag', template: '{{ {{ a }} }}', expected: notValid },
  { name: 'a statement in a tag', template: '{{ {% if 1 %} }}', expected: notValid },
  { name: 'the wrong end', template: '{% if 1 }}x{% endif %}', expected: /ends in/ },
  { name: 'a tag that goes on after its end', template: '{{ a) | (b }}', expected: /closes nothing/ },
  { name: 'a tag of the library', template: '{% generation %}x{% endgeneration %}', expected: notValid },
  { name: 'a mark of our own', template: '{# print 999 #}{#print 1#}{{ 1 / 0 }}', expected: /Division/ },
  { name: 'a literal that is set', template: '{% set true = false %}', expected: /needs a name/ },
  { name: 'a loop over a literal', template: '{% for none in [1] %}{% endfor %}', expected: /needs a name/ },
  { name: 'a number that is set', template: '{% set 1 = 2 %}', expected: /needs a name/ },
  {
    name: 'a call that is set',
    template: `{% set f(${'[1],'.repeat(900)}) = 2 %}`,
    expected: /needs a name/,
  },
  { name: 'data that is set', template: '{% set a.b = 2 %}', data: { a: {} }, expected: /cannot assign/ },
  { name: 'break', template: '{% for i in [1] %}{% break %}{% endfor %}', expected: /not supported/ },
  { name: 'continue outside of a loop', template: '{% continue %}', expected: /not supported/ },
];

const own = 'constructor __proto__ prototype toString valueOf hasOwnProperty __defineGetter__ __class__ mro';
const holders: [name: string, expression: string][] = [
  ['a text', '"a"'],
  ['a number', '(1)'],
  ['a boolean', 'true'],
  ['none', 'none'],
  ['a list', '[1]'],
  ['a dict', '{"a": 1}'],
  ['a namespace', 'namespace(a=1)'],
  ['a function', 'range'],
  ['a method', '"a".upper'],
  ['data', 'event'],
  ['a list of the data', 'event.list'],
];
const event = { list: [1], nested: { a: 1 } };

const escape: Hostile[] = [
  ...holders.map(([name, expression]) => ({
    name: `members of ${name}`,
    template: own
      .split(' ')
      .map((member) => `{{ ${expression}.${member} }}{{ ${expression}["${member}"] }}`)
      .join(''),
    data: { event },
    expected: '',
  })),
  ...own.split(' ').map((member) => ({
    name: `the name ${member}`,
    template: `{{ ${member} }}{{ event.nested.${member} is defined }}`,
    data: { event },
    expected: 'false',
  })),
  ...[
    'process',
    'globalThis',
    'require',
    'module',
    'Function',
    'eval',
    'self',
    'cycler',
    'lipsum',
    'config',
  ].map((name) => ({ name: `the global ${name}`, template: `{{ ${name} is defined }}`, expected: 'false' })),
  ...['raise_exception', 'strftime_now'].map((name) => ({
    name: `the function ${name} of the library`,
    template: `{{ ${name}("%Y") }}`,
    expected: /not a function/,
  })),
  ...[
    'include "/etc/passwd"',
    'import "os"',
    'from "os" import x',
    'extends "a"',
    'block a',
    'do 1',
    'with a = 1',
  ].map((statement) => ({ name: statement, template: `{% ${statement} %}`, expected: /not supported/ })),
  {
    name: 'the constructor of a constructor',
    template: '{{ "".constructor.constructor("return 1")() }}',
    expected: /undefined/,
  },
  {
    name: 'the constructor by item',
    template: '{{ event["con" ~ "structor"]["constructor"] }}',
    data: { event },
    expected: /undefined/,
  },
  {
    name: 'the prototype of the data',
    template: '{{ event.__proto__.polluted }}',
    data: { event },
    expected: /undefined/,
  },
  {
    name: 'a prototype that is set',
    template: '{% set ns = namespace() %}{% set ns.__proto__ = 1 %}{{ ns.__proto__ }}',
    expected: '1',
  },
  {
    name: 'a sort by the prototype',
    template: '{{ [{"a": 2}, {"a": 1}]|sort(attribute="__proto__.a")|tojson }}',
    expected: /./,
  },
  {
    name: 'a map of constructors',
    template: '{{ [{"a": 1}]|map(attribute="constructor.name")|join }}',
    expected: '',
  },
  {
    name: 'a selection by prototype',
    template: '{{ [{"a": 1}]|selectattr("__proto__")|length }}',
    expected: '0',
  },
  { name: 'a filter of an object', template: '{{ 1|constructor }}', expected: /no filter/ },
  { name: 'a filter __proto__', template: '{{ 1|__proto__ }}', expected: /no filter/ },
  { name: 'a test of an object', template: '{{ 1 is constructor }}', expected: /no test/ },
  { name: 'get of a prototype', template: '{{ {}.get("__proto__", "none") }}', expected: 'none' },
  { name: 'the source of a function', template: '{{ range }}', expected: /cannot be printed/ },
  { name: 'the source of a function, joined', template: '{{ [range]|join }}', expected: /cannot be printed/ },
  { name: 'the source of a function, with ~', template: '{{ "" ~ range }}', expected: /cannot be printed/ },
  { name: 'the source of a function, with +', template: '{{ "" + range }}', expected: /cannot be applied/ },
  {
    name: 'the source of a function, as JSON',
    template: '{{ [range]|tojson }}',
    expected: /cannot be written/,
  },
  {
    name: 'the source of a function, as text',
    template: '{{ range|string }}',
    expected: /cannot be printed/,
  },
  {
    name: 'the source of a macro',
    template: '{% macro m() %}{% endmacro %}{{ m }}',
    expected: /cannot be printed/,
  },
  {
    name: 'the source of a method',
    template: '{{ "a".upper|replace("", "") }}',
    expected: /cannot be printed/,
  },
  { name: 'a function in the data', template: '{{ f() }}', data: { f: () => 1 }, expected: /not JSON/ },
  {
    name: 'a function deep in the data',
    template: '{{ a.f }}',
    data: { a: { f: () => 1 } },
    expected: /not JSON/,
  },
  { name: 'a symbol in the data', template: '{{ a }}', data: { a: Symbol('a') }, expected: /not JSON/ },
  { name: 'a bigint in the data', template: '{{ a }}', data: { a: 1n }, expected: /not JSON/ },
  {
    name: 'an inherited member of the data',
    template: '{{ a.secret }}',
    data: { a: Object.create({ secret: 'x' }) },
    expected: '',
  },
  { name: 'an inherited name', template: '{{ secret }}', data: Object.create({ secret: 'x' }), expected: '' },
  { name: 'a number with members', template: '{{ (5).__class__.__mro__ }}', expected: /undefined/ },
  {
    name: 'the way out of Jinja in Python',
    template: "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    expected: /undefined/,
  },
  { name: 'self of Jinja', template: '{{ self.__init__.__globals__ }}', expected: /undefined/ },
  {
    name: 'attr of Jinja',
    template: '{{ event|attr("__proto__") }}',
    data: { event },
    expected: /no filter/,
  },
  {
    name: 'template text in a text',
    template: '{{ "{{ 7 * 7 }}" }}{{ "{% raw %}" }}',
    expected: '{{ 7 * 7 }}{% raw %}',
  },
  {
    name: 'template text built from parts',
    template: '{{ "{" ~ "{ 7 * 7 }" ~ "}" }}',
    expected: '{{ 7 * 7 }}',
  },
];

export const hostile: Record<string, Hostile[]> = { time, memory, recursion, parser, escape };

function nest(open: string, close: string, times: number): string {
  return open.repeat(times) + close.repeat(times);
}

function deepList(levels: number): unknown {
  let list: unknown = [];
  for (let level = 1; level < levels; level++) list = [list];
  return list;
}

function deepObject(levels: number): unknown {
  let object: unknown = {};
  for (let level = 1; level < levels; level++) object = { a: object };
  return object;
}
