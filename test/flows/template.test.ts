import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileTemplate, TemplateError } from '../../src/flows/template.ts';

const data = {
  web1: { company_id: 7685, name: 'Kamen <Test>', tags: ['vr', 'escape', 'vr'] },
  res1: { value: 'myResult', price: 12.5, items: [{ id: 2 }, { id: 1 }], empty: '' },
  rows: [
    { name: 'b', on: true },
    { name: 'A', on: false },
  ],
  text: ' a-b \n c',
  big: 9007199254740991,
  nothing: null,
};

const render = (template: string, more: Record<string, unknown> = {}) =>
  compileTemplate(template).render({ ...data, ...more });

function failure(
  template: string,
  more: Record<string, unknown> = {},
): { message: string; line: number | null } {
  try {
    return { message: `no error: ${render(template, more)}`, line: null };
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    return { message: error.message, line: error.line };
  }
}

/** Where nothing else is said, Python's Jinja2 3.1.6 prints the same. */
const valid: [template: string, output: string][] = [
  ['', ''],
  ['no tags', 'no tags'],
  ['{{ web1.company_id }}', '7685'],
  ['{{ web1["company_id"] }}', '7685'],
  ['{{ res1["it" ~ "ems"][0].id }}', '2'],
  ['{{ web1.name }}', 'Kamen <Test>'],
  ['{{ web1.name|e }}', 'Kamen &lt;Test&gt;'],
  ['{{ web1.name|tojson }}', '"Kamen \\u003cTest\\u003e"'],
  ['{{ web1.name|replace("<", "(")|upper }}', 'KAMEN (TEST>'],
  ['{{ missing }}|{{ web1.missing }}|{{ res1.empty }}|{{ web1.tags[9] }}', '|||'],
  ['{{ nothing.anything }}|{{ none.x }}|', '||'],
  ['{{ missing is defined }} {{ web1.name is defined }}', 'false true'], // Python: False True
  ['{{ missing|default("x") }}{{ res1.empty|default("y", true) }}{{ res1.empty|d("z") }}', 'xy'],
  ['{{ true }} {{ none }} {{ false }}', 'true  false'], // Python: True None False
  ['{{ [1, 2.0, "a", none, true] }}', '[1, 2.0, "a", null, true]'], // Python: [1, 2.0, 'a', None, True]
  ['{{ {"a": {"b": 1}} }}', '{"a": {"b": 1}}'],
  [
    '{{ big }} {{ big + 0 }} {{ 0.1 + 0.2 }} {{ res1.price }}',
    '9007199254740991 9007199254740991 0.30000000000000004 12.5',
  ],
  ['{{ 1 / 2 }} {{ 4 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 5 % -3 }}', '0.5 2.0 3 -4 2 -1'],
  ['{{ 2 ** 3 ** 2 }} {{ 2 ** -1 }} {{ -2 ** 2 }} {{ 1 - -1 }}', '64 0.5 4 2'],
  ['{{ "a" ~ 1 ~ none ~ missing ~ true }}', 'a1true'], // Python: a1NoneTrue
  ['{{ "ab" * 3 }}{{ "a" + "b" }}{{ "c" "d" }}', 'ababababcd'],
  ['{{ [1] + [2] }}', '[1, 2]'],
  [
    '{{ 1 == 1.0 }} {{ 1 == true }} {{ "1" == 1 }} {{ none == missing }} {{ [1] == [1] }} {{ {"a": 1} == {"a": 1} }}',
    'true true false false true true',
  ],
  ['{{ 1 != 2 }} {{ "a" < "b" }} {{ 2 >= 2 }} {{ 1.5 > 1 }}', 'true true true true'],
  [
    '{{ "a" in "abc" }} {{ 1 in [1.0] }} {{ "a" in {"a": 1} }} {{ 3 not in [1] }} {{ 1 in missing }}',
    'true true true true false',
  ],
  ['{{ not missing }} {{ 1 and 2 }} {{ 0 or "x" }}', 'true 2 x'],
  ['{{ "yes" if web1.company_id > 5 else "no" }}{{ "x" if false }}', 'yes'],
  ['{% if web1.company_id < 5 %}a{% elif web1.company_id < 9000 %}b{% else %}c{% endif %}', 'b'],
  [
    '{% for t in web1.tags %}{{ loop.index }}{{ t }}{{ "" if loop.last else "," }}{% endfor %}',
    '1vr,2escape,3vr',
  ],
  ['{% for x in missing %}a{% else %}none{% endfor %}', 'none'],
  ['{% for r in rows if r.on %}{{ r.name }}{{ loop.length }}{% endfor %}', 'b1'],
  ['{% for k, v in {"a": 1, "b": 2}.items() %}{{ k }}{{ v }}{% endfor %}', 'a1b2'],
  ['{% for a, b in [(1, 2), [3, 4]] %}{{ a }}{{ b }}{% endfor %}', '1234'],
  ['{% for k in web1 %}{{ k }} {% endfor %}', 'company_id name tags '],
  ['{% for c in "ab" %}{{ loop.cycle("x", "y") }}{{ c }}{{ loop.revindex0 }}{% endfor %}', 'xa1yb0'],
  [
    '{% for i in [1, 2] %}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.first }};{% endfor %}',
    '2true;1false;',
  ],
  ['{% for i in [1, 2] %}{{ x is defined }}{% set x = i %}{% endfor %}{{ x is defined }}', 'falsefalsefalse'],
  [
    '{% set ns = namespace(sum=0) %}{% for i in range(5) %}{% set ns.sum = ns.sum + i %}{% endfor %}{{ ns.sum }}',
    '10',
  ],
  ['{{ range(3) }}{{ range(1, 3) }}{{ range(5, 0, -2) }}{{ range(-1) }}', '[0, 1, 2][1, 2][5, 3, 1][]'],
  ['{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set c %}x{{ a }}{% endset %}{{ c }}', '12x1'],
  ['{% macro m(x, y=2) %}{{ x }}-{{ y }}{% endmacro %}{{ m(1) }} {{ m(1, y=3) }}', '1-2 1-3'],
  ['{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}in{% endcall %}', '[in]'],
  ['{% macro m() %}{{ x }}{% endmacro %}{% for x in [1] %}{{ m() }}{% endfor %}', ''],
  ['{% filter upper %}a{{ 1 }}b{% endfilter %}', 'A1B'],
  ['a {#- gone -#} b{# and\nthis #}', 'ab'],
  ['a  {{- 1 -}}  b {%- if true -%} c {%- endif %} d', 'a1bc d'],
  ['{% if true %}\n  a\n{% endif %}\n', '\n  a\n'],
  ['{%+ if 1 +%}  a{% endif %}', '  a'],
  ['a\r\nb\n\n', 'a\nb\n'],
  ['{% raw %}{{ web1 }} {% if %}{# #}{% endraw %}', '{{ web1 }} {% if %}{# #}'],
  ['x {%- raw -%}  {{ a }}  {%- endraw -%}  y', 'x{{ a }}y'],
  ['{{ "}}" }}{{ "%}" }}{{ "{%" }}{{ {"a": {"b": "}}"}}.a.b }}', '}}%}{%}}'],
  ['{{ "a\\nb\\u00e4\\"" }}', 'a\nbä"'],
  ['{{ [3, 1, 2]|sort }}{{ [3, 1]|sort(reverse=true) }}{{ ["b", "A"]|sort|join }}', '[1, 2, 3][3, 1]Ab'],
  ['{{ rows|sort(attribute="name")|map(attribute="name")|join(", ") }}', 'A, b'],
  ['{{ rows|selectattr("on")|map(attribute="name")|list }}{{ rows|rejectattr("on")|length }}', '["b"]1'],
  [
    '{{ web1.tags|unique|join("/") }} {{ web1.tags|first }} {{ web1.tags|last }} {{ web1.tags|reverse|first }}',
    'vr/escape vr vr vr',
  ],
  ['{{ [1, [2]]|join("-") }}{{ [true, none]|join("-") }}', '1-[2]true-'],
  ['{{ [1, 2, 3]|sum }} {{ [1, 3]|max }} {{ [3, 1]|min }} {{ []|first }}{{ []|max }}', '6 3 1 '],
  [
    '{{ "abc"|first }}{{ "abc"|last }}{{ "ab"|list }}{{ "abc"|length }}{{ web1|length }}{{ missing|length }}',
    'ac["a", "b"]330',
  ],
  [
    '{{ "3.7"|int }} {{ -3.7|int }} {{ "x"|int(5) }} {{ "12abc"|int }} {{ "1.5"|float }} {{ true|int }}',
    '3 -3 5 0 1.5 1',
  ],
  [
    '{{ 2.5|round }} {{ 3.5|round }} {{ 2.567|round(2) }} {{ 2.1|round(0, "ceil") }} {{ -2.5|round }} {{ 0.125|round(2) }}',
    '2.0 4.0 2.57 3.0 -2.0 0.12',
  ],
  ['{{ " a "|trim }}|{{ "xxaxx".strip("x") }}|{{ " a ".lstrip() }}|{{ " a ".rstrip() }}|', 'a|a|a | a|'],
  [
    '{{ "hELLO wORLD"|title }} {{ "hELLO"|capitalize }} {{ "É"|lower }} {{ 5|upper }}',
    'Hello World Hello é 5',
  ],
  [
    '{{ "a,b,c".split(",") }}{{ "a,b,c".split(",", 1) }}{{ " a  b ".split() }}{{ "a b c ".split(none, 1) }}',
    '["a", "b", "c"]["a", "b,c"]["a", "b"]["a", "b c "]',
  ],
  [
    '{{ "aaa"|replace("a", "b", 2) }} {{ "abc"|replace("", "-") }} {{ "aaa".replace("aa", "b") }}',
    'bba -a-b-c- ba',
  ],
  ['{{ "abc".startswith("a") }}{{ "abc".endswith(("x", "c")) }}{{ ", ".join(["a", 1]) }}', 'truetruea, 1'],
  ['{{ "a\\nb\\n\\nc"|indent(2) }}|{{ "a\\nb"|indent("> ", true) }}', 'a\n  b\n\n  c|> a\n> b'],
  ['{{ "a b&c/d"|urlencode }}', 'a%20b%26c/d'],
  ['{{ [1, 2, 3][::-1] }}{{ "abc"[1:] }}{{ [1, 2, 3][-1] }}{{ "abc"[-1] }}', '[3, 2, 1]bc3c'],
  [
    '{{ {"a": 1}.get("a") }}{{ {"a": 1}.get("b", "z") }}{{ {"a": 1}.keys()|list }}{{ {"a": 1}.values()|list }}',
    '1z["a"][1]',
  ],
  ['{% for k, v in {"b": 1, "a": 2}|dictsort %}{{ k }}{{ v }}{% endfor %}', 'a2b1'],
  ['{{ res1.items[1].id }}', '1'], // Python: dict.items, a method, comes first
  ['{{ rows|tojson }}', '[{"name": "b", "on": true}, {"name": "A", "on": false}]'],
  ['{{ {"b": 1, "a": [1, {}]}|tojson(indent=2) }}', '{\n  "b": 1,\n  "a": [\n    1,\n    {}\n  ]\n}'], // Python sorts the keys
  ['{{ nothing|tojson }}{{ text|tojson }}{{ "\\u2028\\"" | tojson }}', 'null" a-b \\n c""\u2028\\""'],
  [
    '{{ 3 is odd }}{{ "a" is string }}{{ 1 is number }}{{ none is none }}{{ {} is mapping }}{{ 2 is not odd }}',
    'truetruetruetruetruetrue',
  ],
  ['{{ 5 | string ~ "x" }}', '5x'],
  ['{{ (1, 2) }}', '[1, 2]'], // Python: (1, 2)
];

describe('a template', () => {
  test.each(valid)('%j gives %j', (template, output) => {
    expect(render(template)).toBe(output);
  });

  test('of the specification is JSON either way', () => {
    const template =
      '{"valid": {% if res1.value == "myResult" %} "{{ res1.value }}" {% else %} false {% endif %}}';
    expect(JSON.parse(render(template))).toEqual({ valid: 'myResult' });
    expect(JSON.parse(render(template, { res1: { value: 'other' } }))).toEqual({ valid: false });
    expect(JSON.parse(render(template, { res1: {} }))).toEqual({ valid: false });
  });

  test('is rendered with any data, each time anew', () => {
    const template = compileTemplate('{% set b = a %}{{ b }}{{ c }}');
    expect(template.render({ a: 1 })).toBe('1');
    expect(template.render({ a: 2, b: 5, c: 3 })).toBe('23');
    expect(compileTemplate('{% set b = a %}{{ b }}{{ c }}').render({ c: 3 })).toBe('3');
  });

  test('does not change its data', () => {
    const event = Object.freeze({ list: Object.freeze([1]) });
    expect(
      render('{% set ns = namespace(event) %}{% set ns.list = 2 %}{{ ns.list }}{{ event.list }}', { event }),
    ).toBe('2[1]');
  });

  test('sees members of any name as data', () => {
    const event: unknown = JSON.parse(
      '{"__proto__": {"a": 1}, "constructor": "c", "toString": "t", "": "e", "a b": 2}',
    );
    expect(
      render(
        '{{ event.__proto__.a }}{{ event.constructor }}{{ event.toString }}{{ event[""] }}{{ event["a b"] }}',
        { event },
      ),
    ).toBe('1cte2');
    expect(JSON.parse(render('{{ event|tojson }}', { event }))).toEqual(event);
  });

  test('reads a member of a big body in time', () => {
    const members = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, { i }]));
    expect(render('{{ event.k99999.i }} {{ event|length }}', { event: members })).toBe('99999 100000');
    expect(render('{{ event.text|length }}', { event: { text: 'x'.repeat(1 << 20) } })).toBe('1048576');
  });

  test('goes over many elements', () => {
    expect(render('{% for i in range(500) %}.{% endfor %}')).toBe('.'.repeat(500));
    expect(render('{{ range(10000)|sum }}')).toBe('49995000');
  });

  test('may make 256 KiB of UTF-8, and no more', () => {
    expect(render('{{ a }}', { a: 'ä'.repeat(131_072) })).toHaveLength(131_072);
    expect(failure('{{ a }}x', { a: 'ä'.repeat(131_072) }).message).toBe(
      'The output is longer than 256 KiB.',
    );
  });
});

describe('an error names what is wrong, and the line', () => {
  const errors: [template: string, message: string, line: number][] = [
    ['a\n{{ web1.x.y }}', '"web1.x" is undefined, so it has no members.', 2],
    ['\n\n{{ f() }}', '"f" is undefined, not a function.', 3],
    ['{{ "a" + 1 }}', '"+" cannot be applied to a string and an integer; "~" joins texts with anything.', 1],
    ['\n{{ 1 < 2 < 3 }}', 'Join comparisons with "and", such as 1 < a and a < 5.', 2],
    ['{{ 1 |\n nofilter }}', 'There is no filter "nofilter".', 1],
    ['x\n{{ 1 is prime }}', 'There is no test "is prime".', 2],
    ['{% if a %}\n{% for b in c %}\n{% endif %}', '{% endif %} cannot close {% for %} of line 2.', 3],
    ['\n{% if a %}', '{% if %} is not closed by {% endif %}.', 2],
    ['a{% endfor %}', '{% endfor %} closes nothing.', 1],
    ['{% if 1 %}{% else %}{% else %}{% endif %}', '{% else %} comes after {% else %}.', 1],
    ['{% for a in b %}{% elif 1 %}{% endfor %}', '{% elif %} belongs into an if or for block.', 1],
    ['\n{% include "x" %}', '{% include %} is not supported.', 2],
    ['\n\n{{ a ', 'This tag is not closed: "}}" is missing.', 3],
    ['{{ (a }}', '"}" closes nothing, or something else is not closed before it.', 1],
    ['{{ "a }}', 'A text in this tag is not closed: " is missing.', 1],
    ['\n{{ a b }}', 'This is not valid at or before "b".', 2],
    ['{{ 12345678901234567890 }}', 'The number 12345678901234567890 is too large to be exact.', 1],
    ['{{ [2, "a"]|sort }}', 'Cannot compare different types: a string and an integer', 1],
    ['{{ 1|sort }}', 'The filter "sort" cannot be applied to a number in this way.', 1],
    ['{{ "a"|indent(widths=1) }}', 'There is no argument "widths" here.', 1],
    ['{% macro m() %}\n{{ 1 / 0 }}{% endmacro %}\n{{ m() }}', 'Division by zero.', 2],
    ['{% macro m() %}\n1{% endmacro %}\n{{ m() ~ 1 / 0 }}', 'Division by zero.', 3],
    ['{% for a in [1] %}\n{{ a }}\n{% if a / 0 %}{% endif %}{% endfor %}', 'Division by zero.', 3],
    ['{% raw %}\n{% endraw %}\n{{ 1 / 0 }}{# \n #}', 'Division by zero.', 3],
    ['{% for a in 5 %}{% endfor %}', 'A loop or list needs several elements, but this is an integer.', 1],
    ['{% for a, b in [1] %}{% endfor %}', '2 names need a list of 2 elements, but this is an integer.', 1],
    ['{{ missing|tojson }}', 'An undefined value cannot be written as JSON.', 1],
  ];
  test.each(errors)('%j', (template, message, line) => {
    expect(failure(template)).toEqual({ message, line });
  });
});

describe('values are never rendered a second time', () => {
  const attack = '{{ 7 * 7 }}{% for i in range(9) %}x{% endfor %}{# c #}';

  test.each([
    '{{ a }}',
    '{{ a|string }}',
    '{% set b = a %}{{ b }}',
    '{% set b %}{{ a }}{% endset %}{{ b }}',
    '{% macro m(x) %}{{ x }}{% endmacro %}{{ m(a) }}',
    '{% filter trim %}{{ a }}{% endfilter %}',
    '{% for x in [a] %}{{ x }}{% endfor %}',
    '{{ a ~ "" }}',
    '{{ [a]|join }}',
  ])('in %j', (template) => {
    expect(render(template, { a: attack })).toBe(attack);
  });

  const syntax = fc.constantFrom(
    '{{',
    '}}',
    '{%',
    '%}',
    '{#',
    '#}',
    ' 7 * 7 ',
    ' raw ',
    ' endraw ',
    'a',
    '"',
    '\n',
    '-',
  );
  test('whatever they are', () => {
    const values = fc.array(fc.oneof(syntax, fc.string()), { maxLength: 12 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(values, (a) => {
        expect(render('<{{ a }}>', { a })).toBe(`<${a}>`);
        expect(
          JSON.parse(render('{"a": {{ a|tojson }}, "b": {{ {"c": [a]}|tojson(indent=2) }} }', { a })),
        ).toEqual({ a, b: { c: [a] } });
        expect(render('{{ d.k }}', { d: { k: a } })).toBe(a);
      }),
      { numRuns: 300 },
    );
  });

  test('any JSON is written as the same JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const same: unknown = JSON.parse(JSON.stringify(value));
        expect(JSON.parse(render('{{ a|tojson }}', { a: same }))).toEqual(same);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a random template', () => {
  const piece = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.constantFrom('{{ ', ' }}', '{% ', ' %}', '{{-', '-}}', '{%-', '-%}', '{#', '#}'),
    },
    {
      weight: 6,
      arbitrary: fc.constantFrom(
        ...'if,elif,else,endif,for,endfor,in,set,endset,macro,endmacro,call,endcall,filter,endfilter,raw,endraw,is,not,and,or,none,true'.split(
          ',',
        ),
      ),
    },
    {
      weight: 6,
      arbitrary: fc.constantFrom(...`| . , : = == < ( ) [ ] { } + - * ** // % ~ " ' \\`.split(' '), '\n'),
    },
    {
      weight: 6,
      arbitrary: fc.constantFrom(
        ...'a,b,m,range,namespace,loop,__proto__,constructor,upper,join,replace,sort,tojson,indent,default,length,9,0,1.5'.split(
          ',',
        ),
      ),
    },
    { weight: 1, arbitrary: fc.string({ maxLength: 5 }) },
  );
  const tag = fc.array(piece, { maxLength: 8 }).map((words) => words.join(' '));
  const whole = fc.oneof(
    fc.array(piece, { maxLength: 40 }).map((words) => words.join(' ')),
    fc.array(tag, { maxLength: 8 }).map((tags) => tags.map((inner) => `{{ ${inner} }}`).join('')),
    fc
      .array(tag, { maxLength: 4 })
      .map((tags) => tags.map((inner) => `{% for a in b %}{{ ${inner} }}{% endfor %}`).join('')),
    fc.tuple(tag, tag).map(([test, body]) => `{% if ${test} %}{{ ${body} }}{% endif %}`),
  );
  const context = { a: 'x'.repeat(1000), b: [1, 'two', { c: [3, null] }], m: { a: 1.5, b: true } };

  function problemOf(text: string): string | null {
    try {
      const { length } = compileTemplate(text).render(context);
      return length > 256 * 1024 ? 'the output is too long' : null;
    } catch (error) {
      if (!(error instanceof TemplateError)) return `another error: ${String(error)}`;
      if (error.message === '') return 'an error without words';
      const lineCount = text.split(/\r\n?|\n/).length;
      return error.line !== null && (error.line < 1 || error.line > lineCount) ? `line ${error.line}` : null;
    }
  }

  test('throws nothing but a TemplateError, and stays within its bounds', () => {
    fc.assert(
      fc.property(whole, (text) => {
        const startedAt = performance.now();
        expect(problemOf(text)).toBeNull();
        expect(performance.now() - startedAt).toBeLessThan(1500);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('the cache', () => {
  test('keeps compiled templates', () => {
    const text = `{{ a }}${'{{ a.b }}'.repeat(500)}`;
    const timed = () => {
      const startedAt = performance.now();
      compileTemplate(text);
      return performance.now() - startedAt;
    };
    const first = timed();
    expect(Math.min(timed(), timed(), timed())).toBeLessThan(first / 2);
  });

  test('gives old ones up, and they still work', () => {
    const old = compileTemplate('old {{ a }}');
    for (let i = 0; i < 1200; i++) compileTemplate(`{{ a }}${i}`);
    expect(old.render({ a: 1 })).toBe('old 1');
    expect(compileTemplate('old {{ a }}').render({ a: 2 })).toBe('old 2');
  });
});
