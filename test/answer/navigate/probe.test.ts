import { test } from 'vitest';
import { project } from './project.ts';

const FILES: Record<string, string> = {
  'main.go':
    'package main\nimport (\n  "github.com/a/b/pkg"\n  x "github.com/a/b/other"\n . "fmt"\n)\nfunc New() *Engine { return &Engine{} }\ntype Engine struct { Group }\nfunc (e *Engine) Run() { e.start(); pkg.Do(); x.Foo() }\n',
  'a.py':
    'import os.path\nimport a.b as c\nfrom . import d\nfrom .x import (y as z, w)\nfrom q import *\nclass A(B, m.C):\n  def __init__(self):\n    self.r = R()\n  def go(self, cb):\n    super().go()\n    self.r.match(1)\n    cb()\napp = Flask()\napp.run()\n',
  'a.rs':
    'use crate::router::{Router, self, parse as p};\nuse super::*;\nmod foo;\nstruct S { r: Router }\nimpl Trait for S { fn go(&self) { self.r.m(); Router::new(); foo::bar(); p(); Self::x(); } }\n',
  'A.java':
    'package com.x;\nimport com.y.Foo;\nimport static com.y.Bar.baz;\nimport com.z.*;\nclass A extends B implements C { Foo f; A(int x){} void go(Foo p){ f.run(); p.run(); baz(); this.other(); new Foo(); } void other(){} }\n',
  'a.kt':
    'package com.x\nimport com.y.Foo\nimport com.y.bar as b\nclass A : B(), C { val f: Foo = Foo()\n fun go() { f.run(); b(); other() } }\nfun String.ext() = 1\n',
  'a.cs':
    'using System;\nusing A.B;\nusing X = A.B.C;\nnamespace N.M { class A : B { Foo f; void Go(){ f.Run(); Bar.Baz(); new Foo(); Other(); } void Other(){} } }\n',
  'a.php':
    '<?php\nnamespace App\\Http;\nuse App\\Models\\User;\nuse function App\\helper as h;\nuse App\\{A, B\\C as D};\nclass X extends Y { private User $u; function go(User $p){ $this->u->run(); $p->save(); self::a(); User::find(); new User(); h(); } }\n',
  'a.rb':
    "require 'set'\nrequire_relative 'b'\nmodule M\n class A < B\n  include C\n  def initialize(x); @x = Foo.new; end\n  def go; bar; @x.run; Foo.call(1); self.baz; super; end\n end\nend\n",
  'a.cpp':
    '#include "b.h"\n#include <vector>\nusing namespace std;\nusing ns::foo;\nnamespace n { class A : public B { public: void go(); Foo f; };\nvoid A::go() { f.run(); this->x(); ns::bar(); Foo* p = new Foo(); p->run(); other(); } }\n',
  'a.h': 'int proto(int a);\n',
  'a.swift':
    'import Foundation\nimport struct Foo.Bar\nclass A: B { let f: Foo\n func go() { f.run(); Bar.x(); other(); self.y() } }\n',
  'a.ts':
    "import d, { a as b } from './x';\nimport * as ns from './y';\nexport * from './z';\nexport { q as r } from './w';\nexport * as k from './k';\nexport const f = (x: number) => x;\nexport class C extends D<E> implements I { r: Router; constructor(private z: Z){ super(); } m = () => { this.r.go(); this.z.go(); ns.x(); d(); b(); new C(); } }\nconst app = new Hono(); app.get('/', () => app.x());\nexport default app\nexport interface I2 { run(): void }\nconst obj = { meth() { f(1) } }\n",
};
test('probe', async () => {
  for (const [path, text] of Object.entries(FILES)) {
    const p = await project({ [path]: text });
    console.log(
      path +
        '\nIMPORTS ' +
        p.facts
          .bindings(path)
          .map((b) =>
            JSON.stringify([b.source, b.name, b.alias, b.isDefault ? 'D' : '', b.isReexport ? 'R' : '']),
          )
          .join(' ') +
        '\nSYMBOLS ' +
        [...new Set(text.match(/[\w$]+/g))]
          .flatMap((n) => p.facts.definitions(n))
          .map((s) => `${s.kind}:${s.qualifiedName}${s.bases.length ? '<' + s.bases : ''} {${s.signature}}`)
          .join(' | ') +
        '\nCALLS ' +
        p.sites
          .map(
            (s) =>
              `${s.caller?.qualifiedName ?? '-'}→${s.receiver}.${s.callee}[${s.receiverType}]/${s.arity}`,
          )
          .join('  '),
    );
  }
});
