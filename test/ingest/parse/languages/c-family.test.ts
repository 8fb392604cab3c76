import { beforeAll, describe, expect, it } from 'vitest';
import type { BlobFacts } from '../../../../src/ingest/parse/facts.ts';
import { calls, factsOf, headOf, imports, outline } from './facts-as-text.ts';

const C = `#include <stdio.h>
#include "util/list.h"

#define MAX_ITEMS 64
#define MIN(a, b) ((a) < (b) ? (a) : (b))

/** A node of the list. */
typedef struct node {
  int value;
  struct node *next, *prev;
  int (*compare)(const void *, const void *);
} node_t;

typedef struct { int x, y; } point;
enum color { RED, GREEN = 2 };
typedef int (*handler_fn)(node_t *n, int flags);
typedef unsigned long ulong_t;
union value { int i; float f; };

static const int limit = 3;
extern int errors;
struct origin { int x; } zero = { .x = 0 };

int list_push(struct node *head, int v);
EXPORT_API char *dup_name(const char *s) ATTR_NONNULL(1);

/* Adds an item. */
static int add(node_t *head, int v)
{
  struct node *n = make(v);
  n->compare(head, n);
  (*hook)(3);
  return list_push(n, MIN(v, MAX_ITEMS));
}

int old_style(a, b) int a; char *b; { return a && b ? 1 : 0; }

#ifdef WIDE
int only(void) { return 1; }
#else
int only(void) { return 2; }
#endif

int cut(int a) {
#ifdef WIDE
  if (a) {
#else
  if (!a) {
#endif
    return add(0, a);
  }
  return 0;
}
int after(void) { return cut(1); }
`;

describe('C', () => {
  let facts: BlobFacts;
  beforeAll(async () => {
    facts = await factsOf(C, 'c');
  });

  it('finds every definition with its kind, qualified name, lines, bases and visibility', () => {
    expect(outline(facts)).toEqual([
      'macro MAX_ITEMS 4',
      'macro MIN 5',
      'type node_t 8-12',
      'struct node 8-12',
      'field node.value 9',
      'field node.next 10',
      'field node.prev 10',
      'field node.compare 11',
      'struct point 14',
      'field point.x 14',
      'field point.y 14',
      'enum color 15',
      'constant color.RED 15',
      'constant color.GREEN 15',
      'type handler_fn 16',
      'type ulong_t 17',
      'struct value 18',
      'field value.i 18',
      'field value.f 18',
      '- constant limit 20',
      'variable errors 21',
      'variable zero 22',
      'struct origin 22',
      'field origin.x 22',
      'function list_push 24',
      'function dup_name 25',
      '- function add 28-34',
      'function old_style 36',
      'function only 39',
      'function only 41',
      'function cut 44-53',
      'function after 54',
    ]);
  });

  it('quotes signatures on one line and strips documentation of its markers', () => {
    expect(headOf(facts, 'node')).toEqual({
      signature: 'typedef struct node',
      documentation: 'A node of the list.',
    });
    expect(headOf(facts, 'add')).toEqual({
      signature: 'static int add(node_t *head, int v)',
      documentation: 'Adds an item.',
    });
    expect(headOf(facts, 'dup_name')).toEqual({
      signature: 'char *dup_name(const char *s) ATTR_NONNULL(1)',
      documentation: null,
    });
  });

  it('reads imports with names and aliases', () => {
    expect(imports(facts)).toEqual(['1 stdio.h: *', '2 util/list.h: *']);
  });

  it('finds calls with receiver, number of arguments and the type that the file tells', () => {
    expect(calls(facts)).toEqual([
      '30 make/1 in add',
      '31 n.compare/2 node in add',
      '32 hook/1 in add',
      '33 list_push/2 in add',
      '33 MIN/2 in add',
      '50 add/2 in cut',
      '54 cut/1 in after',
    ]);
  });

  it('counts decisions and functions', () => {
    expect(facts.metrics).toEqual({ lines: 54, complexity: 10, maxNesting: 1, functions: 8 });
  });
});

const CPP = `#include <vector>
using namespace std;
using std::string;

LIB_BEGIN_NAMESPACE
namespace shop::cart {

/// A priced thing.
template <typename T>
class LIB_API Item final : public Base<T>, private detail::Counted {
 public:
  Item() = default;
  explicit Item(int price) : price_(price) {}
  virtual ~Item();
  bool operator==(const Item& other) const { return price_ == other.price_; }
  operator bool() const;
  template <class U> U convert(U u) const noexcept;
  static constexpr int kMax = 4;
  using value_type = T;
  enum class Mode { On, Off };

 private:
  int price_ = 0;
  std::unique_ptr<Store> store_;
};

struct Store {
  void open(int times);
  Item<int>* first;
};

void Store::open(int times) {
  this->close();
  auto item = std::make_unique<Item<int>>(3);
  Item<int> other(1);
  item->convert<int>(times);
  other.convert(2);
  first->convert(3);
  Store* s = new Store();
  s->open(1);
  helpers::log("x");
}

}
template <typename T> using Ptr = std::unique_ptr<T>;
extern "C" { int c_entry(int); }
`;

describe('C++', () => {
  let facts: BlobFacts;
  beforeAll(async () => {
    facts = await factsOf(CPP, 'cpp');
  });

  it('finds every definition with its kind, qualified name, lines, bases and visibility', () => {
    expect(outline(facts)).toEqual([
      'namespace shop.cart 6-44',
      'class shop.cart.Item 9-25 < Base, Counted',
      'method shop.cart.Item.Item 12',
      'method shop.cart.Item.Item 13',
      'method shop.cart.Item.~Item 14',
      'method shop.cart.Item.operator== 15',
      'method shop.cart.Item.operator bool 16',
      'method shop.cart.Item.convert 17',
      'constant shop.cart.Item.kMax 18',
      'type shop.cart.Item.value_type 19',
      'enum shop.cart.Item.Mode 20',
      'constant shop.cart.Item.Mode.On 20',
      'constant shop.cart.Item.Mode.Off 20',
      'field shop.cart.Item.price_ 23',
      'field shop.cart.Item.store_ 24',
      'struct shop.cart.Store 27-30',
      'method shop.cart.Store.open 28',
      'field shop.cart.Store.first 29',
      'method shop.cart.Store.open 32-42',
      'type Ptr 45',
      'function c_entry 46',
    ]);
  });

  it('quotes signatures on one line and strips documentation of its markers', () => {
    expect(headOf(facts, 'shop.cart.Item')).toEqual({
      signature: 'class LIB_API Item final : public Base<T>, private detail::Counted',
      documentation: 'A priced thing.',
    });
    expect(headOf(facts, 'shop.cart.Item.convert')).toEqual({
      signature: 'U convert(U u) const noexcept',
      documentation: null,
    });
  });

  it('reads imports with names and aliases', () => {
    expect(imports(facts)).toEqual(['1 vector: *', '2 std: *', '3 std: string']);
  });

  it('finds calls with receiver, number of arguments and the type that the file tells', () => {
    expect(calls(facts)).toEqual([
      '33 this.close/0 Store in shop.cart.Store.open',
      '34 std.make_unique/1 ? in shop.cart.Store.open',
      '36 item.convert/1 Item in shop.cart.Store.open',
      '37 other.convert/1 Item in shop.cart.Store.open',
      '38 first.convert/1 Item in shop.cart.Store.open',
      '39 Store/0 in shop.cart.Store.open',
      '40 s.open/1 Store in shop.cart.Store.open',
      '41 helpers.log/1 ? in shop.cart.Store.open',
    ]);
  });

  it('counts decisions and functions', () => {
    expect(facts.metrics).toEqual({ lines: 46, complexity: 9, maxNesting: 0, functions: 9 });
  });
});

const CSHARP = `using System;
using static System.Math;
using Text = System.Text.StringBuilder;

namespace Acme.Store
{
    /// <summary>Keeps <see cref="Item"/>s.</summary>
    [Serializable]
    public abstract class Repo<T> : Base<T>, IRepo, Ns.IBar where T : class
    {
        public const int Max = 3;
        private readonly Cache _cache = new Cache();
        public event EventHandler Changed;
        public Repo(int size) : base(size) { }
        public string Name { get; set; } = "x";
        public static bool operator ==(Repo<T> a, Repo<T> b) => true;
        public int Load(Item item, params string[] rest)
        {
            var local = new Item(1);
            local.Save();
            item?.Save();
            _cache.Clear(item, 2);
            this.Find<int>(3);
            base.Find(4);
            return Abs(1);
        }
        private delegate void Handler(object sender);
        enum Color { Red, Green = 2 }
        interface IPart { void Run(); }
        public record Pair(int A, string B);
    }
    internal static class Extensions { public static int Twice(this int n) => n * 2; }
}
`;

describe('C#', () => {
  let facts: BlobFacts;
  beforeAll(async () => {
    facts = await factsOf(CSHARP, 'csharp');
  });

  it('finds every definition with its kind, qualified name, lines, bases and visibility', () => {
    expect(outline(facts)).toEqual([
      'namespace Acme.Store 5-33',
      'class Acme.Store.Repo 8-31 < Base, IRepo, IBar',
      'constant Acme.Store.Repo.Max 11',
      '- field Acme.Store.Repo._cache 12',
      'field Acme.Store.Repo.Changed 13',
      'method Acme.Store.Repo.Repo 14',
      'field Acme.Store.Repo.Name 15',
      'method Acme.Store.Repo.operator == 16',
      'method Acme.Store.Repo.Load 17-26',
      '- type Acme.Store.Repo.Handler 27',
      '- enum Acme.Store.Repo.Color 28',
      '- constant Acme.Store.Repo.Color.Red 28',
      '- constant Acme.Store.Repo.Color.Green 28',
      '- interface Acme.Store.Repo.IPart 29',
      '- method Acme.Store.Repo.IPart.Run 29',
      'class Acme.Store.Repo.Pair 30',
      'field Acme.Store.Repo.Pair.A 30',
      'field Acme.Store.Repo.Pair.B 30',
      'class Acme.Store.Extensions 32',
      'method Acme.Store.Extensions.Twice 32',
    ]);
  });

  it('quotes signatures on one line and strips documentation of its markers', () => {
    expect(headOf(facts, 'Acme.Store.Repo')).toEqual({
      signature: '[Serializable] public abstract class Repo<T> : Base<T>, IRepo, Ns.IBar where T : class',
      documentation: 'Keeps Items.',
    });
    expect(headOf(facts, 'Acme.Store.Repo.Load')).toEqual({
      signature: 'public int Load(Item item, params string[] rest)',
      documentation: null,
    });
    expect(headOf(facts, 'Acme.Store.Repo.Name')).toEqual({
      signature: 'public string Name',
      documentation: null,
    });
  });

  it('reads imports with names and aliases', () => {
    expect(imports(facts)).toEqual([
      '1 System: *',
      '2 System.Math: *',
      '3 System.Text: StringBuilder as Text',
    ]);
  });

  it('finds calls with receiver, number of arguments and the type that the file tells', () => {
    expect(calls(facts)).toEqual([
      '12 Cache/0 in Acme.Store.Repo._cache',
      '14 base/1 in Acme.Store.Repo.Repo',
      '19 Item/1 in Acme.Store.Repo.Load',
      '20 local.Save/0 Item in Acme.Store.Repo.Load',
      '21 item.Save/0 Item in Acme.Store.Repo.Load',
      '22 _cache.Clear/2 Cache in Acme.Store.Repo.Load',
      '23 this.Find/1 Repo in Acme.Store.Repo.Load',
      '24 base.Find/1 Base in Acme.Store.Repo.Load',
      '25 Abs/1 in Acme.Store.Repo.Load',
    ]);
  });

  it('counts decisions and functions', () => {
    expect(facts.metrics).toEqual({ lines: 33, complexity: 5, maxNesting: 0, functions: 5 });
  });
});

const JAVA = `package com.acme.store;

import java.util.List;
import java.util.function.*;
import static java.lang.Math.max;

/** Keeps things. */
public abstract class Repo<T extends Item> extends Base<T> implements Closeable, Ns.Other<T> {
  public static final int MAX = 3;
  private List<String> names = new ArrayList<>();
  private Cache cache;

  /** Makes one. */
  public Repo(int size) { super(size); }

  @Override
  public <U> U load(final Item item, String... rest) {
    var local = new Item(1);
    local.save();
    item.save(2, 3);
    cache.clear();
    this.find(item);
    names.forEach(this::find);
    return max(1, 2) > 1 && item != null ? null : null;
  }

  interface Part extends A, B { int X = 1; void run(); }
  enum Color { RED(1), GREEN { void paint() {} }; Color() {} Color(int v) {} }
  record Pair(int a, int b) {}
  @interface Marker { String value() default "x"; }
}
`;

describe('Java', () => {
  let facts: BlobFacts;
  beforeAll(async () => {
    facts = await factsOf(JAVA, 'java');
  });

  it('finds every definition with its kind, qualified name, lines, bases and visibility', () => {
    expect(outline(facts)).toEqual([
      'namespace com.acme.store 1-31',
      'class com.acme.store.Repo 8-31 < Base, Closeable, Other',
      'constant com.acme.store.Repo.MAX 9',
      '- field com.acme.store.Repo.names 10',
      '- field com.acme.store.Repo.cache 11',
      'method com.acme.store.Repo.Repo 14',
      'method com.acme.store.Repo.load 16-25',
      'interface com.acme.store.Repo.Part 27 < A, B',
      'constant com.acme.store.Repo.Part.X 27',
      'method com.acme.store.Repo.Part.run 27',
      'enum com.acme.store.Repo.Color 28',
      'constant com.acme.store.Repo.Color.RED 28',
      'constant com.acme.store.Repo.Color.GREEN 28',
      'method com.acme.store.Repo.Color.GREEN.paint 28',
      'method com.acme.store.Repo.Color.Color 28',
      'method com.acme.store.Repo.Color.Color 28',
      'class com.acme.store.Repo.Pair 29',
      'field com.acme.store.Repo.Pair.a 29',
      'field com.acme.store.Repo.Pair.b 29',
      'interface com.acme.store.Repo.Marker 30',
      'method com.acme.store.Repo.Marker.value 30',
    ]);
  });

  it('quotes signatures on one line and strips documentation of its markers', () => {
    expect(headOf(facts, 'com.acme.store.Repo')).toEqual({
      signature:
        'public abstract class Repo<T extends Item> extends Base<T> implements Closeable, Ns.Other<T>',
      documentation: 'Keeps things.',
    });
    expect(headOf(facts, 'com.acme.store.Repo.load')).toEqual({
      signature: '@Override public <U> U load(final Item item, String... rest)',
      documentation: null,
    });
  });

  it('reads imports with names and aliases', () => {
    expect(imports(facts)).toEqual(['3 java.util: List', '4 java.util.function: *', '5 java.lang.Math: max']);
  });

  it('finds calls with receiver, number of arguments and the type that the file tells', () => {
    expect(calls(facts)).toEqual([
      '10 ArrayList/0 in com.acme.store.Repo.names',
      '14 super/1 in com.acme.store.Repo.Repo',
      '18 Item/1 in com.acme.store.Repo.load',
      '19 local.save/0 Item in com.acme.store.Repo.load',
      '20 item.save/2 Item in com.acme.store.Repo.load',
      '21 cache.clear/0 Cache in com.acme.store.Repo.load',
      '22 this.find/1 Repo in com.acme.store.Repo.load',
      '23 names.forEach/1 List in com.acme.store.Repo.load',
      '23 this.find/? Repo in com.acme.store.Repo.load',
      '24 max/2 in com.acme.store.Repo.load',
    ]);
  });

  it('counts decisions and functions', () => {
    expect(facts.metrics).toEqual({ lines: 31, complexity: 8, maxNesting: 0, functions: 7 });
  });
});
