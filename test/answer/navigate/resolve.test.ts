import { describe, expect, it } from 'vitest';
import { complete } from '../../../src/answer/navigate/conventions.ts';
import { resolveOne } from '../../../src/answer/navigate/resolve.ts';
import { project } from './project.ts';

/** Grammars load on first use; a slow machine needs a while for the first of each language. */
const SLOW = 120_000;

describe('TypeScript and JavaScript', { timeout: SLOW }, () => {
  it('follows named, aliased, default and namespace imports, and re-exports with renames', async () => {
    const { targets, callsAt } = await project({
      'src/router/index.ts':
        "export { match as find } from './match';\nexport * from './trie';\nexport { default as Tree } from './tree';\n",
      'src/router/match.ts':
        'export function match() {}\nfunction helper() {}\nexport const arrow = () => helper();\n',
      'src/router/trie.ts': 'export function insert() {}\n',
      'src/router/tree.ts': 'class Tree { grow() {} }\nexport default Tree;\n',
      'src/app.ts': [
        "import { find, insert as put, Tree } from './router';",
        "import * as all from './router/match.js';",
        "import Oak from './router/tree';",
        "import { readFile } from 'node:fs';",
        'find(); // 1',
        'put(); // 2',
        'all.match(); // 3',
        'new Tree(); // 4',
        'new Oak(); // 5',
        'readFile(); // 6',
        'insert(); // 7',
      ].join('\n'),
    });
    expect(callsAt('src/app.ts', '// 1')).toEqual(['src/router/match.ts#match 0.97 import']);
    expect(targets('src/app.ts', '// 2')).toEqual(['src/router/trie.ts#insert']);
    expect(callsAt('src/app.ts', '// 3')).toEqual(['src/router/match.ts#match 0.95 namespace']);
    expect(targets('src/app.ts', '// 4')).toEqual(['src/router/tree.ts#Tree']);
    expect(callsAt('src/app.ts', '// 5')).toEqual(['src/router/tree.ts#Tree 0.95 default-import']);
    expect(targets('src/app.ts', '// 6', { above: 0 })).toEqual([]);
    expect(targets('src/app.ts', '// 7')).toEqual([]);
    expect(targets('src/router/match.ts', 'arrow')).toEqual(['src/router/match.ts#helper']);
  });

  it('follows namespaces that modules pass on, recursion of constants, and what CommonJS modules hand on', async () => {
    const { targets } = await project({
      'lib/make.js': 'exports = module.exports = make;\nfunction make() {}\n',
      'index.js': "module.exports = require('./lib/make');\n",
      'test/app.js': "var after = 1,\n  make = require('../');\nmake(); // handed on\n",
      'z/schemas.ts': 'export function string() {}\nexport const core: Core = made();\n',
      'z/coerce.ts': 'export function number() {}\n',
      'z/external.ts': "export * from './schemas';\nexport * as coerce from './coerce';\n",
      'z/index.ts': "import * as z from './external';\nexport { z };\nexport default z;\n",
      'use.ts': [
        "import { z } from './z';",
        "import all from './z';",
        'z.string(); // named',
        'all.string(); // default',
        'z.coerce.number(); // inner',
        'const walk = (depth: number) => { if (depth > 0) walk(depth - 1); }; // recursion',
      ].join('\n'),
    });
    expect(targets('test/app.js', '// handed on', { callee: 'make' })).toEqual(['lib/make.js#make']);
    expect(targets('use.ts', '// named')).toEqual(['z/schemas.ts#string']);
    expect(targets('use.ts', '// default')).toEqual(['z/schemas.ts#string']);
    expect(targets('use.ts', '// inner')).toEqual(['z/coerce.ts#number']);
    expect(targets('use.ts', '// recursion')).toEqual(['use.ts#walk']);
  });

  it('reads names as the blocks of JavaScript hold them', async () => {
    const names = Array.from({ length: 80 }, (_, at) => `  name${at},`).join('\n');
    const { targets, callsAt } = await project({
      'all.ts': `export {\n  first,\n${names}\n} from './own';`,
      'own.ts': 'export function first() {}\nexport interface Options { createElement(tag: string): void }',
      'tools.ts': [
        'export interface Page { evaluate(): void }',
        'export interface Handle { evaluate(): void }',
        'interface Tools { page: () => Page }',
        'export function setup(): Tools { return made; }',
        'class Builder {',
        '  with<T extends object, U>(value: T) {',
        '    if (value) { return }',
        '  }',
        '  named<T, U>() { return new Made<T, U>(); }',
        '}',
        'export class Made<T, U> { finish() {} }',
        'export const builder = new Builder();',
      ].join('\n'),
      'use.ts': [
        "import { first } from './all';",
        "import { builder, setup } from './tools';",
        "import type { Handle } from './tools';",
        "import { render } from './render';",
        "import type { Options } from './own';",
        'first(); // listed',
        "describe('a', () => {",
        '  const {',
        '    page,',
        '  } = setup();',
        "  it('b', () => { const render = () => 1; });",
        '  const inner = () => page().evaluate(); // taken',
        "  it('c', () => { render(); }); // imported",
        '  one.render = () => 2;',
        '  const long = builder',
        '    .named<{ a: 1 }, 2>();',
        '  long.finish(); // over lines',
        "  document.createElement('div'); // platform",
        '});',
      ].join('\n'),
      'render.ts': 'export function render() {}',
    });
    expect(targets('use.ts', '// listed')).toEqual(['own.ts#first']);
    expect(targets('use.ts', '// taken', { callee: 'page' })).toEqual(['tools.ts#Tools.page']);
    expect(targets('use.ts', '// taken', { callee: 'evaluate' })).toEqual(['tools.ts#Page.evaluate']);
    expect(targets('use.ts', '// imported', { callee: 'render' })).toEqual(['render.ts#render']);
    expect(targets('use.ts', '// over lines')).toEqual(['tools.ts#Made.finish']);
    expect(callsAt('use.ts', '// platform')).toEqual([]);
  });

  it('gives the parameter of a callback its type from where the function is passed to or written', async () => {
    const { targets } = await project({
      'app.ts': [
        'export class Request { param(name: string) {} }',
        'export class Context<E> { get req(): Request { return made(); } text(body: string) {} }',
        'export class Other { text() {} }',
        'type Next = () => void;',
        'export type Handler<E> = (c: Context<E>, next: Next) => void;',
        'type H<E> = Handler<E> | ((c: Context<E>) => string);',
        'export interface Route<E> {',
        '  // app.get(handler)',
        '  <P extends string>(handler: H<E>): App<E>',
        '  <P extends string>(path: P, ...handlers: [H<E>, H<E>]): App<E>',
        '}',
        'export class App<E> {',
        '  get!: Route<E>;',
        '  use<F extends Handler<E>>(handler: F): this { return this; }',
        '  wrap(options: Options): void {}',
        '}',
        'export interface Options { before: (given: { inner: number }, c: Context<any>) => void; name?: string }',
        'export function each<T>(list: T[], call: (context: Context<T>, at: number) => void) {}',
      ].join('\n'),
      'use.ts': [
        "import { App, type Context, each, type Handler, type Other } from './app';",
        'const app = new App();',
        "app.get('/a,b(', (c) => c.text('overload'));",
        "app.get('/', async (first, next) => {",
        '  const text = (c: Other) => c.text(); // own',
        '  await next();',
        "  return first.req.param('rest'); // rest",
        '});',
        'app.use((c) => {',
        "  if (c) { c.text('nested'); }",
        '});',
        "each([1, '(', /[)]/], function (context) { context.text('fn'); });",
        "app.wrap({ before: (given, c) => c.text('as a property'), name: 'x' });",
        "const handler: Handler<any> = (c) => c.text('annotated');",
        'const contexts: Context<any>[] = [];',
        "contexts.filter((one) => one).forEach((one) => one.text('unknown'));",
        "contexts.forEach((one) => one.text('element'));",
        "app.get('/', ({ req }) => req.param('taken apart'));",
        "other((gone: Other) => 1), lost((last) => last), last.text('outside');",
      ].join('\n'),
    });
    const at = (marker: string, callee: string) => targets('use.ts', marker, { callee });
    expect(at('overload', 'text')).toEqual(['app.ts#Context.text']);
    expect(at('// own', 'text')).toEqual(['app.ts#Other.text']);
    expect(at('// rest', 'param')).toEqual(['app.ts#Request.param']);
    expect(at('nested', 'text')).toEqual(['app.ts#Context.text']);
    expect(at('fn', 'text')).toEqual(['app.ts#Context.text']);
    expect(at('as a property', 'text')).toEqual(['app.ts#Context.text']);
    expect(at('annotated', 'text')).toEqual(['app.ts#Context.text']);
    expect(at("text('element'", 'text')).toEqual(['app.ts#Context.text']);
    expect(at('taken apart', 'param')).toEqual(['app.ts#Request.param']);
    expect(at('outside', 'text')).toEqual([]);
  });

  it('follows what is taken out of an object, and types that are made of others', async () => {
    const { targets } = await project({
      'page.ts': [
        'export interface Page { click(): void; evaluate(): void }',
        'export interface Handle { evaluate(): void }',
        'export interface Browser { page: () => Page; press(): void }',
        'export function setup(): Browser { return made(); }',
        'export interface Base { onError(): void; run(): void }',
        'export type Options = Base & { extra: boolean };',
        "export type Some = Pick<Options, 'run'>;",
      ].join('\n'),
      'use.ts': [
        "import { type Options, setup, type Some } from './page';",
        'export function go() {',
        '  const { page, press: push } = setup();',
        'page().evaluate(); // called',
        'push(); // renamed',
        '}',
        'function all({ press }: ReturnType<typeof setup>, options: Options, some: Some, part: Partial<Options>) {',
        '  options.onError(); // both',
        '  some.run(); // picked',
        '  part.onError(); // wrapped',
        '}',
      ].join('\n'),
    });
    const at = (marker: string, callee: string) => targets('use.ts', marker, { callee });
    expect(at('// called', 'evaluate')).toEqual(['page.ts#Page.evaluate']);
    expect(at('// called', 'page')).toEqual(['page.ts#Browser.page']);
    expect(at('// renamed', 'push')).toEqual(['page.ts#Browser.press']);
    expect(at('// both', 'onError')).toEqual(['page.ts#Base.onError']);
    expect(at('// picked', 'run')).toEqual(['page.ts#Base.run']);
    expect(at('// wrapped', 'onError')).toEqual(['page.ts#Base.onError']);
  });

  it('reads chains whatever their arguments, and keeps what a callback declares to itself', async () => {
    const { targets } = await project({
      'builder.ts': [
        'export class Query {',
        '  where(filter: (row: unknown) => boolean) { return this; }',
        '  limit(count: number): Query { return this; }',
        '  run() {}',
        '}',
        'export function query(): Query { return new Query(); }',
        'export function cache() {}',
      ].join('\n'),
      'use.test.ts': [
        "import { cache, Query, query } from './builder';",
        'describe("query", () => {',
        '  it("runs", async () => {',
        '    const cache = await caches.open("a name that is as long as the whole of a receiver may be in the index");',
        '    query().limit(count({ of: "things (many)", in: "all of the places where things are kept" })).run(); // chain',
        '    new Query().where((row) => Boolean(row)).run(); // builder',
        '    (await query()).run(); // awaited',
        '    (made() as Query).run(); // cast',
        '  });',
        '});',
        'cache(); // imported',
      ].join('\n'),
    });
    for (const marker of ['// chain', '// builder', '// awaited', '// cast'])
      expect(targets('use.test.ts', marker, { callee: 'run' }), marker).toEqual(['builder.ts#Query.run']);
    expect(targets('use.test.ts', '// imported')).toEqual(['builder.ts#cache']);
  });

  it('lets a local definition beat an import, and a parameter or variable hide both', async () => {
    const { targets } = await project({
      'a.ts': 'export function load() {}\nexport function save() {}\n',
      'b.ts': [
        "import { load, save } from './a';",
        'export function outer() {',
        '  function load() {}',
        '  load(); // nested',
        '}',
        'export function byParameter(save: () => void) {',
        '  save(); // parameter',
        '}',
        'export function byVariable() {',
        '  const save = make();',
        '  save(); // variable',
        '}',
        'export const byArrow = () => [1].map((save) => save()); // arrow',
        'export function free() { save(); } // free',
      ].join('\n'),
    });
    expect(targets('b.ts', '// nested')).toEqual(['b.ts#outer.load']);
    expect(targets('b.ts', '// parameter', { above: 0 })).toEqual([]);
    expect(targets('b.ts', '// variable', { callee: 'save', above: 0 })).toEqual([]);
    expect(targets('b.ts', '// arrow', { callee: 'save', above: 0 })).toEqual([]);
    expect(targets('b.ts', '// free')).toEqual(['a.ts#save']);
  });

  it('tells methods of the same name on different types apart by the receiver', async () => {
    const { targets, callsAt } = await project({
      'shapes.ts': [
        'export class Base { area() { return this.scale(); } scale() {} }',
        'export class Square extends Base { side() {} area() { return super.area(); } // super',
        '  twice() { this.scale(); } // inherited',
        '}',
        'export class Circle { area() {} }',
        'export function makeSquare(): Square { return new Square(); }',
      ].join('\n'),
      'use.ts': [
        "import { Square, Circle, makeSquare } from './shapes';",
        "import type { Base } from './shapes';",
        'const square = new Square();',
        'square.area(); // constructed',
        'export function f(circle: Circle, base: Base, thing: any) {',
        '  circle.area(); // annotated',
        '  base.area(); // base',
        '  const made = makeSquare();',
        '  made.side(); // returned',
        '  thing.area(); // unknown',
        '  new Map().area(); // foreign',
        '}',
      ].join('\n'),
    });
    expect(targets('use.ts', '// constructed')).toEqual(['shapes.ts#Square.area']);
    expect(targets('use.ts', '// annotated')).toEqual(['shapes.ts#Circle.area']);
    expect(callsAt('use.ts', '// base')).toEqual([
      'shapes.ts#Base.area 0.95 receiver-type',
      'shapes.ts#Square.area 0.5 override',
    ]);
    expect(targets('use.ts', '// returned')).toEqual(['shapes.ts#Square.side']);
    expect(targets('use.ts', '// unknown')).toEqual([]);
    expect(targets('use.ts', '// foreign', { callee: 'area', above: 0 })).toEqual([]);
    expect(callsAt('shapes.ts', '// super')).toEqual(['shapes.ts#Base.area 0.93 super']);
    expect(callsAt('shapes.ts', '// inherited')).toEqual(['shapes.ts#Base.scale 0.92 inherited']);
  });

  it('follows local export names, several lines of arguments, and no alias of a type at run time', async () => {
    const { targets } = await project({
      'base.ts':
        'class App { use(): this { return this; }\n  group(path: string, f: () => void): App { return this; } }\nexport { App as BaseApp };\n',
      'app.ts': "import { BaseApp } from './base';\nexport class Server extends BaseApp {}\n",
      'use.ts': [
        "import { Server } from './app';",
        'type c = string;',
        'const server = new Server();',
        'const group = server.group("/x", () => {',
        '  server.use(); // inherited',
        '});',
        'group.use(); // over lines',
        'server.use().use(); // chain',
        'export const f = (c) => c.use(); // alias',
      ].join('\n'),
    });
    expect(targets('use.ts', '// inherited')).toEqual(['base.ts#App.use']);
    expect(targets('use.ts', '// over lines')).toEqual(['base.ts#App.use']);
    expect(targets('use.ts', '// chain')).toEqual(['base.ts#App.use']);
    expect(targets('use.ts', '// alias', { above: 0.9 })).toEqual([]);
  });

  it('reads CommonJS, packages of the workspace, members of constant objects and fields with types', async () => {
    const { targets } = await project(
      {
        'packages/core/src/index.ts': 'export function start() {}\n',
        'packages/core/package.json': '{"name":"@acme/core"}',
        'lib/tool.js': 'function tool() {}\nmodule.exports = tool;\n',
        'lib/kit.js': 'exports.cut = function cut() {};\n',
        'main.ts': [
          "import { start } from '@acme/core';",
          'export const api = { get() {}, put() { api.get(); } }; // member',
          'start(); // workspace',
          'class Store { load() {} }',
          'export class Service { private store: Store; constructor(store: Store) { this.store = store; }',
          '  run() { this.store.load(); } // field',
          '}',
        ].join('\n'),
        'old.js':
          "const tool = require('./lib/tool');\nconst { cut } = require('./lib/kit');\ntool(); // whole\ncut(); // part\n",
      },
      [{ kind: 'npm', name: '@acme/core', directory: 'packages/core' }],
    );
    expect(targets('main.ts', '// workspace')).toEqual(['packages/core/src/index.ts#start']);
    expect(targets('main.ts', '// member')).toEqual(['main.ts#api.get']);
    expect(targets('main.ts', '// field')).toEqual(['main.ts#Store.load']);
    expect(targets('old.js', '// whole')).toEqual(['lib/tool.js#tool']);
    expect(targets('old.js', '// part')).toEqual(['lib/kit.js#cut']);
  });
});

describe('conventions', { timeout: SLOW }, () => {
  it('give an unannotated receiver the type that the same receiver and method have elsewhere', async () => {
    const handler = (n: number) => `export const h${n} = (c: Context) => c.json(${n});\n`;
    const { facts, sites } = await project({
      'context.ts': 'export class Context { json(value: unknown) {} }\nexport class Reply { json() {} }\n',
      'typed.ts': `import { Context } from './context';\n${[1, 2, 3, 4].map(handler).join('')}`,
      'loose.ts':
        "import { app } from 'app';\napp.get('/', (c) => c.json(5));\napp.get('/', (r) => r.json(6));\n",
    });
    const calls = sites.filter((site) => site.callee === 'json');
    const edges = complete(
      calls,
      calls.map((site) => resolveOne(facts, site)),
    );
    const of = (receiver: string) =>
      edges[calls.findIndex((site) => site.path === 'loose.ts' && site.receiver === receiver)]!;
    expect(of('c')).toEqual([
      expect.objectContaining({
        resolution: 'convention',
        confidence: 0.8,
        definition: expect.objectContaining({ qualifiedName: 'Context.json' }),
      }),
    ]);
    expect(of('r').every((edge) => edge.confidence < 0.3)).toBe(true);
  });

  it('take the overloads that most show, in whatever order the calls come', async () => {
    const { facts, sites } = await project({
      'Gson.java':
        'class Gson {\n  String json(Object a) { return null; }\n  String json(Object a, Object b) { return null; }\n}\n',
      ...Object.fromEntries(
        ['(1, 2)', '(1)', '(1)', '(1)'].map((args, n) => [
          `A${n}.java`,
          `class A${n} { void run() { Gson gson = new Gson(); gson.json${args}; } }\n`,
        ]),
      ),
      'Loose.java': 'class Loose { void run(List all) { all.forEach(gson -> gson.json(1)); } }\n',
    });
    const calls = sites.filter((site) => site.callee === 'json');
    const shown = [calls, calls.toReversed()].map((ordered) => {
      const edges = complete(
        ordered,
        ordered.map((site) => resolveOne(facts, site)),
      );
      return edges[ordered.findIndex((site) => site.path === 'Loose.java')]!;
    });
    expect(shown[0]![0]).toMatchObject({ resolution: 'convention', definition: { startLine: 2 } });
    expect(shown[1]).toEqual(shown[0]);
  });
});

describe('Python', { timeout: SLOW }, () => {
  it('resolves packages, relative imports, aliases, wildcards and what __init__ passes on', async () => {
    const { targets } = await project({
      'src/web/__init__.py': 'from .app import App as App\nfrom . import helpers\n',
      'src/web/app.py':
        'from .helpers import dump as _dump\nclass App:\n    def run(self):\n        _dump() # aliased\n        self.stop() # self\n    def stop(self): pass\n',
      'src/web/helpers.py': 'def dump(): pass\ndef load(): pass\n',
      'tests/test_app.py': [
        'import json',
        'import web',
        'from web import App, helpers',
        'from web.helpers import *',
        'app = App() # class',
        'app.run() # method',
        'helpers.load() # module',
        'web.App() # package',
        'dump() # wildcard',
        'json.load() # external',
        'def test(load):',
        '    load() # parameter',
      ].join('\n'),
    });
    expect(targets('src/web/app.py', '# aliased')).toEqual(['src/web/helpers.py#dump']);
    expect(targets('src/web/app.py', '# self')).toEqual(['src/web/app.py#App.stop']);
    expect(targets('tests/test_app.py', '# class')).toEqual(['src/web/app.py#App']);
    expect(targets('tests/test_app.py', '# method')).toEqual(['src/web/app.py#App.run']);
    expect(targets('tests/test_app.py', '# module')).toEqual(['src/web/helpers.py#load']);
    expect(targets('tests/test_app.py', '# package')).toEqual(['src/web/app.py#App']);
    expect(targets('tests/test_app.py', '# wildcard')).toEqual(['src/web/helpers.py#dump']);
    expect(targets('tests/test_app.py', '# external', { above: 0 })).toEqual([]);
    expect(targets('tests/test_app.py', '# parameter', { above: 0 })).toEqual([]);
  });

  it('walks base classes over files, and super', async () => {
    const { callsAt } = await project({
      'base.py': 'class Scaffold:\n    def route(self): pass\n    def setup(self): pass\n',
      'app.py':
        'from base import Scaffold\nclass App(Scaffold):\n    def setup(self):\n        super().setup() # super\n        self.route() # inherited\n',
    });
    expect(callsAt('app.py', '# super', 'setup')).toEqual(['base.py#Scaffold.setup 0.93 super']);
    expect(callsAt('app.py', '# inherited')).toEqual(['base.py#Scaffold.route 0.92 inherited']);
  });

  it('takes a method called on its class for that one, not for what overrides it', async () => {
    const { targets } = await project({
      'shapes.py':
        'class Shape:\n    def draw(self): pass\nclass Circle(Shape):\n    def draw(self):\n        Shape.draw(self) # base\n',
    });
    expect(targets('shapes.py', '# base', { above: 0 })).toEqual(['shapes.py#Shape.draw']);
  });
});

describe('Go', { timeout: SLOW }, () => {
  it('resolves packages by module path, same-package functions, receivers and embedded types', async () => {
    const { targets } = await project(
      {
        'go.mod': 'module example.com/gin\n',
        'gin.go': [
          'package gin',
          'import "example.com/gin/render"',
          'type Engine struct {\n\tRouterGroup\n}',
          'func New() *Engine { return &Engine{} }',
          'func Default() *Engine {\n\tengine := New() // same package\n\tengine.Use() // embedded\n\tengine.run() // returned\n\treturn engine\n}',
          'func (e *Engine) run() { render.Write() // package\n\tdebug() // sibling\n}',
        ].join('\n'),
        'group.go':
          'package gin\ntype RouterGroup struct{}\nfunc (g *RouterGroup) Use() {}\nfunc debug() {}\n',
        'render/render.go':
          'package render\nimport "fmt"\nfunc Write() {\n\tfmt.Write() // external\n}\nfunc debug() {}\n',
        'cmd/main.go':
          'package main\nimport g "example.com/gin"\nfunc main() {\n\tg.New() // aliased\n\tvar debug = 1\n}\n',
      },
      [{ kind: 'go', name: 'example.com/gin', directory: '' }],
    );
    expect(targets('gin.go', '// same package')).toEqual(['gin.go#New']);
    expect(targets('gin.go', '// embedded')).toEqual(['group.go#RouterGroup.Use']);
    expect(targets('gin.go', '// returned')).toEqual(['gin.go#Engine.run']);
    expect(targets('gin.go', '// package')).toEqual(['render/render.go#Write']);
    expect(targets('gin.go', '// sibling')).toEqual(['group.go#debug']);
    expect(targets('render/render.go', '// external', { above: 0 })).toEqual([]);
    expect(targets('cmd/main.go', '// aliased')).toEqual(['gin.go#New']);
  });

  it('follows loops, elements, new and type assertions, and dispatches on interfaces only', async () => {
    const { targets } = await project({
      'fs.go': [
        'package fs',
        'type Fs interface { Open() }',
        'type Mem struct{}',
        'func (m *Mem) Open() {}',
        'func (m *Mem) Name() {}',
        'type Wrapped struct{ *Mem }',
        'func (w *Wrapped) Name() {}',
        'var all = []Fs{&Mem{}}',
        'type Set struct { parts []Mem }',
        'func run(m *Mem, s *Set, value any) {',
        '\tm.Name() // embedded elsewhere',
        '\tfor _, each := range all {\n\t\teach.Open() // loop\n\t}',
        '\ts.parts[0].Name() // element',
        '\tnew(Mem).Name() // new',
        '\tvalue.(*Wrapped).Name() // assertion',
        '}',
      ].join('\n'),
    });
    expect(targets('fs.go', '// embedded elsewhere')).toEqual(['fs.go#Mem.Name']);
    expect(targets('fs.go', '// loop')).toEqual(['fs.go#Fs.Open']);
    expect(targets('fs.go', '// element')).toEqual(['fs.go#Mem.Name']);
    expect(targets('fs.go', '// new')).toEqual(['fs.go#Mem.Name']);
    expect(targets('fs.go', '// assertion')).toEqual(['fs.go#Wrapped.Name']);
  });
});

describe('Rust', { timeout: SLOW }, () => {
  it('resolves crate paths, use trees, impls and inline paths', async () => {
    const { targets } = await project({
      'src/lib.rs':
        'mod router;\nmod util;\npub use router::Router;\nfn go() {\n    router::build(); // path\n    Router::new(); // associated\n}\n',
      'src/router.rs': [
        'use crate::util::{parse as read, Token};',
        'use super::util;',
        'pub struct Router { token: Token }',
        'impl Router {',
        '    pub fn new() -> Self { read(); // aliased',
        '        util::parse(); // module',
        '        Self::inner(); // self type',
        '        Router {} }',
        '    fn inner() {}',
        '    fn run(&self) { self.token.eat(); // field',
        '    }',
        '}',
        'pub fn build() { let router = Router::new();\n    router.run(); // returned\n}',
      ].join('\n'),
      'src/util.rs': 'pub fn parse() {}\npub struct Token;\nimpl Token { pub fn eat(&self) {} }\n',
    });
    expect(targets('src/lib.rs', '// path')).toEqual(['src/router.rs#build']);
    expect(targets('src/lib.rs', '// associated')).toEqual(['src/router.rs#Router.new']);
    expect(targets('src/router.rs', '// aliased')).toEqual(['src/util.rs#parse']);
    expect(targets('src/router.rs', '// module')).toEqual(['src/util.rs#parse']);
    expect(targets('src/router.rs', '// self type')).toEqual(['src/router.rs#Router.inner']);
    expect(targets('src/router.rs', '// field')).toEqual(['src/util.rs#Token.eat']);
    expect(targets('src/router.rs', '// returned')).toEqual(['src/router.rs#Router.run']);
  });

  it('keeps types of one name in two modules apart, opens results, and knows macros and extensions of foreign types', async () => {
    const { targets } = await project({
      'src/lib.rs': 'mod a;\nmod b;\nmod shared;\n',
      'src/shared.rs':
        'macro_rules! check { () => {} }\npub trait Slash { fn slash(&self) -> String; }\npub(crate) impl PathBuf { fn slash(&self) -> String { String::new() } }\n',
      'src/b.rs':
        'pub struct Config { pub name: Name }\nimpl Config { pub fn load(&self) {} }\npub struct Name;\nimpl Name { pub fn show(&self) {} }\n',
      'src/a.rs': [
        'use std::path::PathBuf;',
        'use crate::b::Config as Other;',
        'pub struct Config;',
        'impl Config { pub fn load(&self) {} }',
        'fn make() -> Result<Other, String> { Err(String::new()) }',
        'fn run(config: &Config, path: &PathBuf) -> Result<(), String> {',
        '    config.load(); // own',
        '    let other = make()?;',
        '    other.name.show(); // field of a result',
        '    path.slash(); // extension',
        '    check!(); // macro',
        '    Ok(())',
        '}',
      ].join('\n'),
    });
    expect(targets('src/a.rs', '// own')).toEqual(['src/a.rs#Config.load']);
    expect(targets('src/a.rs', '// field of a result')).toEqual(['src/b.rs#Name.show']);
    expect(targets('src/a.rs', '// extension')).toEqual(['src/shared.rs#PathBuf.slash']);
    expect(targets('src/a.rs', '// macro')).toEqual(['src/shared.rs#check']);
  });

  it('reads what a call among the tokens of a macro is called on', async () => {
    const { sites } = await project({
      'lib.rs': 'fn go(list: &List) {\n    assert!(list.find("a", f(1)).items[0].is_none() && x.y());\n}\n',
    });
    expect(sites.map(({ receiver, callee }) => `${receiver}|${callee}`)).toEqual([
      '|assert',
      'list|find',
      '|f',
      'list.find().items[0]|is_none',
      'x|y',
    ]);
  });
});

describe('Java and Kotlin', { timeout: SLOW }, () => {
  it('resolves imports, static imports, the same package, fields, inheritance and overloads by arity', async () => {
    const { targets, callsAt } = await project({
      'src/main/java/com/acme/Service.java': [
        'package com.acme;',
        'import com.acme.store.Store;',
        'import static com.acme.store.Store.open;',
        'public class Service extends Base {',
        '  private Store store;',
        '  void run(Helper helper) {',
        '    store.load(1); // field',
        '    helper.help(); // same package',
        '    open(); // static import',
        '    init(); // inherited',
        '    new Store(); // constructor',
        '  }',
        '}',
      ].join('\n'),
      'src/main/java/com/acme/Base.java': 'package com.acme;\nclass Base { void init() {} }\n',
      'src/main/java/com/acme/Helper.java': 'package com.acme;\nclass Helper { void help() {} }\n',
      'src/test/java/com/acme/ServiceTest.java':
        'package com.acme;\nclass ServiceTest {\n  void test(Helper helper) {\n    helper.help(); // other root\n  }\n}\n',
      'src/main/java/com/other/Helper.java': 'package com.other;\nclass Helper { void help() {} }\n',
      'src/main/java/com/acme/store/Store.java':
        'package com.acme.store;\npublic class Store {\n  public void load() {}\n  public void load(int id) {}\n  public static void open() {}\n}\n',
    });
    const service = 'src/main/java/com/acme/Service.java';
    const store = 'src/main/java/com/acme/store/Store.java';
    expect(callsAt(service, '// field')).toEqual([`${store}#com.acme.store.Store.load 0.95 receiver-type`]);
    expect(targets(service, '// same package')).toEqual([
      'src/main/java/com/acme/Helper.java#com.acme.Helper.help',
    ]);
    expect(callsAt('src/test/java/com/acme/ServiceTest.java', '// other root')).toEqual([
      'src/main/java/com/acme/Helper.java#com.acme.Helper.help 0.95 receiver-type',
    ]);
    expect(targets(service, '// static import')).toEqual([`${store}#com.acme.store.Store.open`]);
    expect(targets(service, '// inherited')).toEqual(['src/main/java/com/acme/Base.java#com.acme.Base.init']);
    expect(targets(service, '// constructor')).toEqual([`${store}#com.acme.store.Store`]);
  });

  it('tells nested types from others of their name, and constructors that call this or super', async () => {
    const { targets } = await project({
      'a/Token.java': [
        'package a;',
        'class Token {',
        '  void reset() {}',
        '  static class Tag extends Token { void reset() { super.reset(); // outer',
        '  } }',
        '  static class Start extends Tag { Start(int n) { super(); } Start() { this(1); // own',
        '  } void reset() { super.reset(); // nested',
        '  } }',
        '}',
      ].join('\n'),
      'a/Tag.java': 'package a;\nclass Tag { void reset() {} }\n',
    });
    expect(targets('a/Token.java', '// outer')).toEqual(['a/Token.java#a.Token.reset']);
    expect(targets('a/Token.java', '// own', { callee: 'this' })).toEqual(['a/Token.java#a.Token.Start']);
    expect(targets('a/Token.java', '// nested')).toEqual(['a/Token.java#a.Token.Tag.reset']);
  });

  it('counts a class and its constructors once, and keeps methods apart from variables', async () => {
    const { callsAt, targets } = await project({
      'b/Fault.java': 'package b;\npublic class Fault { public Fault() {} public Fault(String why) {} }\n',
      'a/Reader.java':
        'package a;\nimport b.Fault;\nclass Reader {\n  Reader reader() { return null; }\n  void run() {\n    Reader reader = reader(); // method\n    throw new Fault("no"); // constructor\n  }\n}\n',
    });
    expect(targets('a/Reader.java', '// method')).toEqual(['a/Reader.java#a.Reader.reader']);
    expect(callsAt('a/Reader.java', '// constructor')).toContain('b/Fault.java#b.Fault 0.97 import');
  });

  it('resolves Kotlin top-level functions and members', async () => {
    const { targets } = await project({
      'app/src/com/acme/App.kt':
        'package com.acme\nimport com.acme.util.trim\nclass App {\n  val store: Store = Store()\n  fun go() {\n    trim() // imported\n    store.load() // member\n    own() // implicit\n  }\n  fun own() {}\n}\n',
      'app/src/com/acme/Store.kt': 'package com.acme\nclass Store { fun load() {} }\n',
      'app/src/com/acme/util/Strings.kt': 'package com.acme.util\nfun trim() {}\n',
    });
    const app = 'app/src/com/acme/App.kt';
    expect(targets(app, '// imported')).toEqual(['app/src/com/acme/util/Strings.kt#com.acme.util.trim']);
    expect(targets(app, '// member')).toEqual(['app/src/com/acme/Store.kt#com.acme.Store.load']);
    expect(targets(app, '// implicit')).toEqual([`${app}#com.acme.App.own`]);
  });
});

describe('C, C++ and C#', { timeout: SLOW }, () => {
  it('reads casts, nested types, fixtures of tests, and what is virtual', async () => {
    const { targets } = await project({
      'iterator.h':
        'class Iterator {\n public:\n  virtual bool Valid() = 0;\n  bool ok() { return true; }\n};\n',
      'list.h':
        '#include "iterator.h"\nclass List {\n public:\n  class Iterator { public: bool Valid(); bool ok(); };\n};\nclass Table : public Iterator {\n  bool Valid() override { return true; }\n  bool ok() { return false; }\n};\n',
      'db.cc': [
        '#include "iterator.h"',
        '#include "list.h"',
        'class Db {',
        '  bool next(void *p) {',
        '    iter_->Valid(); // virtual',
        '    iter_->ok(); // not virtual',
        '    static_cast<const Table*>(p)->ok(); // cast',
        '    return true; }',
        '  Iterator* const iter_;',
        '};',
        'class DbTest { public: void Reopen() {} };',
        'TEST_F(DbTest, Reads) {',
        '  Reopen(); // fixture',
        '}',
      ].join('\n'),
    });
    expect(targets('db.cc', '// virtual')).toEqual(['iterator.h#Iterator.Valid', 'list.h#Table.Valid']);
    expect(targets('db.cc', '// not virtual')).toEqual(['iterator.h#Iterator.ok']);
    expect(targets('db.cc', '// cast')).toEqual(['list.h#Table.ok']);
    expect(targets('db.cc', '// fixture')).toEqual(['db.cc#DbTest.Reopen']);
  });

  it('resolves through includes, classes declared in headers, and the file for static functions', async () => {
    const { targets } = await project({
      'src/main.c':
        '#include "list.h"\nstatic void helper(void) {}\nint main(void) {\n  list_add(); // header\n  helper(); // static\n  return 0;\n}\n',
      'src/other.c': 'static void helper(void) {}\n',
      'src/list.h': 'void list_add(void);\n',
      'src/list.c': '#include "list.h"\nvoid list_add(void) {}\n',
      'app/engine.h':
        'class Part { public: void turn(); };\nclass Engine { public: void start(); void spin(); Part part; };\n',
      'app/engine.cpp':
        '#include "engine.h"\nvoid Engine::spin() {}\nvoid Part::turn() {}\nvoid Engine::start() {\n  spin(); // implicit\n  part.turn(); // member\n}\n',
    });
    expect(targets('src/main.c', '// header')).toEqual(['src/list.h#list_add', 'src/list.c#list_add'].sort());
    expect(targets('src/main.c', '// static')).toEqual(['src/main.c#helper']);
    expect(targets('app/engine.cpp', '// implicit')).toContain('app/engine.cpp#Engine.spin');
    expect(targets('app/engine.cpp', '// member')).toContain('app/engine.cpp#Part.turn');
  });

  it('resolves C# by namespaces, fields and static classes', async () => {
    const { targets } = await project({
      'Web/App.cs':
        'using Acme.Data;\nnamespace Acme.Web {\n  class App : Base {\n    Store store;\n    void Go() {\n      store.Load(); // field\n      Tools.Trim(); // static\n      Boot(); // inherited\n      System.Console.WriteLine(); // external\n    }\n  }\n  class Base { protected void Boot() {} }\n}\n',
      'Data/Store.cs':
        'namespace Acme.Data { public class Store { public void Load() {} } public static class Tools { public static void Trim() {} } }\n',
    });
    expect(targets('Web/App.cs', '// field')).toEqual(['Data/Store.cs#Acme.Data.Store.Load']);
    expect(targets('Web/App.cs', '// static')).toEqual(['Data/Store.cs#Acme.Data.Tools.Trim']);
    expect(targets('Web/App.cs', '// inherited')).toEqual(['Web/App.cs#Acme.Web.Base.Boot']);
    expect(targets('Web/App.cs', '// external', { above: 0 })).toEqual([]);
  });
});

describe('PHP, Ruby and Swift', { timeout: SLOW }, () => {
  it('resolves PHP by use clauses, PSR-4 paths, typed properties, self and parent', async () => {
    const { targets } = await project({
      'src/Http/Kernel.php':
        '<?php\nnamespace App\\Http;\nuse App\\Models\\User;\nuse function App\\helper as help;\nclass Kernel extends Base {\n  private User $user;\n  function run() {\n    $this->user->save(); // property\n    User::find(); // static\n    help(); // function\n    self::boot(); // self\n    parent::close(); // parent\n    new User(); // new\n  }\n  static function boot() {}\n}\n',
      'src/Http/Base.php': '<?php\nnamespace App\\Http;\nclass Base { function close() {} }\n',
      'src/Models/User.php':
        '<?php\nnamespace App\\Models;\nclass User { function save() {} static function find() {} }\n',
      'src/helpers.php': '<?php\nnamespace App;\nfunction helper() {}\n',
    });
    const kernel = 'src/Http/Kernel.php';
    expect(targets(kernel, '// property')).toEqual(['src/Models/User.php#App.Models.User.save']);
    expect(targets(kernel, '// static')).toEqual(['src/Models/User.php#App.Models.User.find']);
    expect(targets(kernel, '// function')).toEqual(['src/helpers.php#App.helper']);
    expect(targets(kernel, '// self')).toEqual([`${kernel}#App.Http.Kernel.boot`]);
    expect(targets(kernel, '// parent')).toEqual(['src/Http/Base.php#App.Http.Base.close']);
    expect(targets(kernel, '// new')).toEqual(['src/Models/User.php#App.Models.User']);
  });

  it('PHP: receivers have the types that signatures and documentation comments give', async () => {
    const { targets } = await project({
      'Mailer.php':
        '<?php\nnamespace App;\nclass Mailer { function send(): Receipt {} function fluent(): static {} }\nclass Receipt { function store() {} }\nclass Other { function send() {} function store() {} }\n',
      'Service.php': [
        '<?php',
        'namespace App;',
        'class Service {',
        '  /** @var Mailer */',
        '  private $mailer;',
        '  /**',
        '   * The other one.',
        '   * @var Other|null',
        '   */',
        '  protected $other;',
        '  private ?Mailer $typed;',
        '  /** @return Mailer what sends */',
        '  function mailer() { return $this->mailer; }',
        '  /** @return array<int, Mailer> */',
        '  function all(): array { return []; }',
        '  /** @param Mailer $given */',
        '  function run($given) {',
        '    $this->mailer->send(); // property',
        '    $this->other->send(); // nullable',
        '    $this->typed->send(); // typed',
        '    $this->mailer()->send(); // result',
        '    $given->send()->store(); // parameter',
        '    $made = $this->mailer();',
        '    $made->fluent()->send(); // static',
        '    /** @var Other $taken */',
        "    $taken = app('other');",
        '    $taken->send(); // said',
        '    foreach ($this->all() as $key => $each) {',
        '      $each->send(); // element',
        '    }',
        '  }',
        '}',
      ].join('\n'),
    });
    const [mailer, other] = ['Mailer.php#App.Mailer.send', 'Mailer.php#App.Other.send'];
    const send = (marker: string) => targets('Service.php', marker, { callee: 'send' });
    for (const marker of ['property', 'typed', 'result', 'parameter', 'static', 'element'])
      expect(send(`// ${marker}`), marker).toEqual([mailer]);
    expect(send('// nullable')).toEqual([other]);
    expect(send('// said')).toEqual([other]);
    expect(targets('Service.php', '// parameter', { callee: 'store' })).toEqual([
      'Mailer.php#App.Receipt.store',
    ]);
  });

  it('Ruby: a bare word calls the method, unless it is a variable there', async () => {
    const { targets, sites } = await project({
      'account.rb': [
        'class Account',
        '  def owner; end',
        '  def limit; end',
        '  def label(limit)',
        '    notify(owner) # argument',
        '    limit + 1 # parameter',
        '  end',
        'end',
      ].join('\n'),
    });
    expect(targets('account.rb', '# argument', { callee: 'owner' })).toEqual(['account.rb#Account.owner']);
    expect(sites.some(({ callee, line }) => callee === 'limit' && line === 6)).toBe(false);
  });

  it('resolves Ruby methods on self, constants, mixins and super', async () => {
    const { targets } = await project({
      'lib/store.rb':
        'module Loud\n  def shout; end\nend\nclass Base\n  def go; end\nend\nclass Store < Base\n  include Loud\n  def self.open; end\n  def go\n    super # super\n    shout # mixin\n    load_all() # implicit\n  end\n  def load_all; end\nend\n',
      'lib/main.rb':
        "require_relative 'store'\nstore = Store.new # new\nStore.open # class method\nstore.load_all # instance\n",
    });
    expect(targets('lib/store.rb', '# super')).toEqual(['lib/store.rb#Base.go']);
    expect(targets('lib/store.rb', '# implicit')).toEqual(['lib/store.rb#Store.load_all']);
    expect(targets('lib/main.rb', '# new')).toContain('lib/store.rb#Store');
    expect(targets('lib/main.rb', '# class method')).toEqual(['lib/store.rb#Store.open']);
    expect(targets('lib/main.rb', '# instance')).toEqual(['lib/store.rb#Store.load_all']);
  });

  it('resolves Swift members by property types and implicit self', async () => {
    const { targets } = await project({
      'Sources/App/App.swift':
        'class App {\n  let store: Store\n  func go() {\n    store.load() // property\n    own() // implicit\n  }\n  func own() {}\n}\n',
      'Sources/App/Store.swift': 'class Store { func load() {} }\n',
    });
    expect(targets('Sources/App/App.swift', '// property')).toEqual(['Sources/App/Store.swift#Store.load']);
    expect(targets('Sources/App/App.swift', '// implicit')).toEqual(['Sources/App/App.swift#App.own']);
  });
});
