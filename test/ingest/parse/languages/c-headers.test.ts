import { describe, expect, it } from 'vitest';
import { flattenConditionals } from '../../../../src/ingest/parse/languages/c/conditionals.ts';
import { isCpp } from '../../../../src/ingest/parse/languages/c/index.ts';
import { blankMacros } from '../../../../src/ingest/parse/languages/c/macros.ts';
import { factsOf, outline } from './facts-as-text.ts';

describe('headers', () => {
  it('are C++ when they hold what only C++ has, and C when a C++ compiler merely may read them', () => {
    expect(isCpp('#pragma once\nnamespace shop {\nint f();\n}\n')).toBe(true);
    expect(isCpp('template <class T>\nT f(T t);\n')).toBe(true);
    expect(isCpp('struct S {\n public:\n  int x;\n};\n')).toBe(true);
    expect(isCpp('/* class of things:\n class A { */\nint f(void);\n')).toBe(false);
    expect(isCpp('#ifdef __cplusplus\nnamespace a {\n#endif\nint f(void);\n')).toBe(false);
    expect(isCpp('int class = 3;\nint namespace_of(int new);\n')).toBe(false);
  });

  it('in C++ are parsed as C++ though their path says C', async () => {
    const facts = await factsOf(
      'namespace shop {\nclass Cart : public Base {\n  void add(int n);\n};\n}\n',
      'c',
    );
    expect(outline(facts)).toEqual([
      'namespace shop 1-5',
      'class shop.Cart 2-4 < Base',
      'method shop.Cart.add 3',
    ]);
  });

  it('keep their functions within extern "C"', async () => {
    const text =
      '#ifdef __cplusplus\nextern "C" {\n#endif\nint first(void);\n#ifdef __cplusplus\n}\n#endif\nint last(void);\n';
    expect(outline(await factsOf(text, 'c'))).toEqual(['function first 4', 'function last 8']);
  });
});

describe('macros', () => {
  const cases: [string, string][] = [
    ['class LIB_API Item : Base {', 'class         Item : Base {'],
    ['struct ALIGNED(8) Item final {', 'struct            Item final {'],
    ['EXPORT_API void run(int x);', '           void run(int x);'],
    ['static ATTR(1, 2) FAST int *run(void) {', 'static                 int *run(void) {'],
    ['void WINAPI run(int x);', 'void        run(int x);'],
    ['int run(int x) ATTR_PURE;', 'int run(int x)          ;'],
    ['}\nLIB_END_NAMESPACE\n', '}\n                 \n'],
  ];
  it.each(cases)('in %j are blanked', (text, blanked) => {
    expect(blankMacros(text)).toBe(blanked);
  });

  const untouched = [
    'UINT32 count;',
    'BOOL\nrun(void) {',
    'enum color {\n  RED,\n  GREEN\n};',
    'int x = (int) MAX_VALUE;',
    'if (x) RETURN(y);',
    'struct FILE handle;',
    'call(a,\n  LAST\n);',
  ];
  it.each(untouched)('are not seen in %j', (text) => {
    expect(blankMacros(text)).toBe(text);
  });
});

describe('conditional compilation', () => {
  it('around whole declarations is left alone', () => {
    expect(
      flattenConditionals('#if A\nint f(void) { return 1; }\n#else\nint f(void) { return 2; }\n#endif\n'),
    ).toBe(null);
  });

  it('that cuts through a construct is reduced to its first branch, offsets kept', () => {
    const text = 'int f(int a) {\n#if A\n  if (a) {\n#else\n  if (!a) {\n#endif\n    g();\n  }\n}\n';
    const flat = flattenConditionals(text)!;
    expect(flat.length).toBe(text.length);
    expect(flat.split('\n').map((line) => line.trimEnd())).toEqual([
      'int f(int a) {',
      '',
      '  if (a) {',
      '',
      '',
      '',
      '    g();',
      '  }',
      '}',
      '',
    ]);
  });

  it('costs no more than linear time when nested or unclosed by the thousand', () => {
    const nested = '#if A\n{\n'.repeat(5000) + '#else\n#endif\n'.repeat(5000);
    expect(flattenConditionals(nested)?.length).toBe(nested.length);
    expect(flattenConditionals('#if A\n'.repeat(50_000))).toBe(null);
    expect(flattenConditionals('/*'.repeat(100_000))).toBe(null);
  });
});
