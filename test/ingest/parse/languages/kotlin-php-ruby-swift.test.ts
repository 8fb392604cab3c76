import { beforeAll, describe, expect, it } from 'vitest';
import type { BlobFacts } from '../../../../src/ingest/parse/facts.ts';
import { withZeroedCalloc } from '../../../../src/ingest/parse/zeroed-calloc.ts';
import { calls, factsOf, headOf, imports, outline } from './facts-as-text.ts';

const KOTLIN = `package com.acme.store

import kotlin.math.max
import com.acme.items.*
import com.acme.Cache as Store

typealias Handler = (Int) -> Unit
const val MAX = 3

/** Keeps things. */
abstract class Repo<T : Any>(private val cache: Cache, var size: Int = 0, plain: Int) : Base<T>(size), Closeable {
  companion object {
    const val LIMIT = 1
    fun create(): Repo = Repo(Cache(), 1, 2)
  }

  val total: Int get() = items.size
  constructor(n: Int) : this(Cache(), n, n)

  fun load(item: Item, vararg rest: Int): Int {
    val local = Item(1)
    local.save()
    item.save(2, 3)
    cache.clear { true }
    this.find(item)
    return if (rest.isEmpty() && size > 1) max(1, 2) else 0
  }

  private fun hidden() {}
  enum class Color(val code: Int) { RED(1), GREEN(2) }
}

interface Part { fun run() }
annotation class Marker
object Registry : Base<Int>(1) { fun register() {} }
fun String.shout(): String = uppercase()
`;

describe('Kotlin', () => {
  let facts: BlobFacts;
  beforeAll(async () => {
    facts = await factsOf(KOTLIN, 'kotlin');
  });

  it('finds every definition with its kind, qualified name, lines, bases and visibility', () => {
    expect(outline(facts)).toEqual([
      'namespace com.acme.store 1-36',
      'type com.acme.store.Handler 7',
      'constant com.acme.store.MAX 8',
      'class com.acme.store.Repo 11-31 < Base, Closeable',
      '- field com.acme.store.Repo.cache 11',
      'field com.acme.store.Repo.size 11',
      'constant com.acme.store.Repo.LIMIT 13',
      'method com.acme.store.Repo.create 14',
      'field com.acme.store.Repo.total 17',
      'method com.acme.store.Repo.constructor 18',
      'method com.acme.store.Repo.load 20-27',
      '- method com.acme.store.Repo.hidden 29',
      'enum com.acme.store.Repo.Color 30',
      'field com.acme.store.Repo.Color.code 30',
      'constant com.acme.store.Repo.Color.RED 30',
      'constant com.acme.store.Repo.Color.GREEN 30',
      'interface com.acme.store.Part 33',
      'method com.acme.store.Part.run 33',
      'class com.acme.store.Marker 34',
      'class com.acme.store.Registry 35 < Base',
      'method com.acme.store.Registry.register 35',
      'method com.acme.store.String.shout 36',
    ]);
  });

  it('quotes signatures on one line and strips documentation of its markers', () => {
    expect(headOf(facts, 'com.acme.store.Repo')).toEqual({
      signature:
        'abstract class Repo<T : Any>(private val cache: Cache, var size: Int = 0, plain: Int) : Base<T>(size), Closeable',
      documentation: 'Keeps things.',
    });
    expect(headOf(facts, 'com.acme.store.Repo.load')).toEqual({
      signature: 'fun load(item: Item, vararg rest: Int): Int',
      documentation: null,
    });
  });

  it('reads imports with names and aliases', () => {
    expect(imports(facts)).toEqual([
      '3 kotlin.math: max',
      '4 com.acme.items: *',
      '5 com.acme: Cache as Store',
    ]);
  });

  it('finds calls with receiver, number of arguments and the type that the file tells', () => {
    expect(calls(facts)).toEqual([
      '14 Repo/3 in com.acme.store.Repo.create',
      '14 Cache/0 in com.acme.store.Repo.create',
      '18 Cache/0 in com.acme.store.Repo.constructor',
      '21 Item/1 in com.acme.store.Repo.load',
      '22 local.save/0 Item in com.acme.store.Repo.load',
      '23 item.save/2 Item in com.acme.store.Repo.load',
      '24 cache.clear/? Cache in com.acme.store.Repo.load',
      '25 this.find/1 Repo in com.acme.store.Repo.load',
      '26 rest.isEmpty/0 Int in com.acme.store.Repo.load',
      '26 max/2 in com.acme.store.Repo.load',
      '36 uppercase/0 in com.acme.store.String.shout',
    ]);
  });

  it('counts decisions and functions', () => {
    expect(facts.metrics).toEqual({ lines: 36, complexity: 9, maxNesting: 0, functions: 7 });
  });
});

const PHP = String.raw`<?php
declare(strict_types=1);

namespace App\Store;

use Acme\Items\Item;
use Acme\Cache as Memory;
use Acme\{Base, Parts\Part as Piece};
use function Acme\helper;
require_once __DIR__ . '/boot.php';

const TOP = 1;
define('OLD', 2);

/** Keeps things. */
#[Service]
abstract class Repo extends Base implements Closeable, \Countable
{
    use Logs;
    public const MAX = 3;
    private ?Item $first = null;

    public function __construct(private Memory $cache, int $size = 0)
    {
        parent::__construct($size);
    }

    public static function load(Item $item, int ...$rest): ?Item
    {
        $local = new Item(1);
        $local->save();
        $item?->save(2, 3);
        $this->cache->clear();
        self::find(...$rest);
        return helper($item) && $rest ? $local : null;
    }

    private function hidden() {}
}

interface Part extends A, B { public function run(); }
trait Logs { public function log() {} }
enum Color: string { case Red = 'r'; public function label(): string { return ''; } }
function top(Item $item) { $item->save(); }
`;

describe('PHP', () => {
  let facts: BlobFacts;
  beforeAll(async () => {
    facts = await factsOf(PHP, 'php');
  });

  it('finds every definition with its kind, qualified name, lines, bases and visibility', () => {
    expect(outline(facts)).toEqual([
      'namespace App.Store 4-44',
      'constant App.Store.TOP 12',
      'constant App.Store.OLD 13',
      'class App.Store.Repo 16-39 < Base, Closeable, Countable, Logs',
      'constant App.Store.Repo.MAX 20',
      '- field App.Store.Repo.first 21',
      'method App.Store.Repo.__construct 23-26',
      '- field App.Store.Repo.cache 23',
      'method App.Store.Repo.load 28-36',
      '- method App.Store.Repo.hidden 38',
      'interface App.Store.Part 41 < A, B',
      'method App.Store.Part.run 41',
      'trait App.Store.Logs 42',
      'method App.Store.Logs.log 42',
      'enum App.Store.Color 43',
      'constant App.Store.Color.Red 43',
      'method App.Store.Color.label 43',
      'function App.Store.top 44',
    ]);
  });

  it('quotes signatures on one line and strips documentation of its markers', () => {
    expect(headOf(facts, 'App.Store.Repo')).toEqual({
      signature: '#[Service] abstract class Repo extends Base implements Closeable, \\Countable',
      documentation: 'Keeps things.',
    });
    expect(headOf(facts, 'App.Store.Repo.load')).toEqual({
      signature: 'public static function load(Item $item, int ...$rest): ?Item',
      documentation: null,
    });
  });

  it('reads imports with names and aliases', () => {
    expect(imports(facts)).toEqual([
      '6 Acme\\Items: Item',
      '7 Acme: Cache as Memory',
      '8 Acme: Base',
      '8 Acme\\Parts: Part as Piece',
      '9 Acme: helper',
      '10 /boot.php: *',
    ]);
  });

  it('finds calls with receiver, number of arguments and the type that the file tells', () => {
    expect(calls(facts)).toEqual([
      '13 define/2 in App.Store.OLD',
      '25 parent.__construct/1 Base in App.Store.Repo.__construct',
      '30 Item/1 in App.Store.Repo.load',
      '31 $local.save/0 Item in App.Store.Repo.load',
      '32 $item.save/2 Item in App.Store.Repo.load',
      '33 $this->cache.clear/0 Memory in App.Store.Repo.load',
      '34 self.find/1 Repo in App.Store.Repo.load',
      '35 helper/1 in App.Store.Repo.load',
      '44 $item.save/0 Item in App.Store.top',
    ]);
  });

  it('gives a field the type of the parameter that is kept in it, where it declares none', async () => {
    const kept = await factsOf(
      `<?php
class A {
    private $store;
    public function __construct(Store $store, $other) { $this->store = $store; $this->other = $other; }
    public function get() { $this->other->read(); return $this->store->read(1); }
}
`,
      'php',
    );
    expect(calls(kept)).toEqual(['5 $this->other.read/0 ? in A.get', '5 $this->store.read/1 Store in A.get']);
  });

  it('counts decisions and functions', () => {
    expect(facts.metrics).toEqual({ lines: 44, complexity: 8, maxNesting: 0, functions: 7 });
  });
});

const RUBY = `require 'json'
require_relative '../lib/cache'
autoload :Item, 'acme/item'

module Acme
  # Keeps things.
  # For a while.
  class Repo < Base::Store
    include Comparable
    MAX = 3
    Pair = Struct.new(:left, :right)
    attr_reader :name

    def initialize(name, size: 1, *rest, &block)
      super(name)
      @cache = Cache.new(size)
    end

    def self.create(name) = new(name)

    def <=>(other) = size <=> other.size

    def load(item)
      local = Item.new(1)
      local.save
      @cache.clear(item, 2)
      self.find(item)
      prepare
      items.each { |one| one.save if one && item }
    end

    alias fetch load

    private

    def prepare; end
  end
end

def top; end
`;

describe('Ruby', () => {
  let facts: BlobFacts;
  beforeAll(async () => {
    facts = await factsOf(RUBY, 'ruby');
  });

  it('finds every definition with its kind, qualified name, lines, bases and visibility', () => {
    expect(outline(facts)).toEqual([
      'namespace Acme 5-38',
      'class Acme.Repo 8-37 < Store, Comparable',
      'constant Acme.Repo.MAX 10',
      'class Acme.Repo.Pair 11',
      'field Acme.Repo.Pair.left 11',
      'field Acme.Repo.Pair.right 11',
      'field Acme.Repo.name 12',
      'method Acme.Repo.initialize 14-17',
      'method Acme.Repo.create 19',
      'method Acme.Repo.<=> 21',
      'method Acme.Repo.load 23-30',
      'method Acme.Repo.fetch 32',
      '- method Acme.Repo.prepare 36',
      'function top 40',
    ]);
  });

  it('quotes signatures on one line and strips documentation of its markers', () => {
    expect(headOf(facts, 'Acme.Repo')).toEqual({
      signature: 'class Repo < Base::Store',
      documentation: 'Keeps things.\nFor a while.',
    });
    expect(headOf(facts, 'Acme.Repo.load')).toEqual({
      signature: 'def load(item)',
      documentation: null,
    });
  });

  it('reads imports with names and aliases', () => {
    expect(imports(facts)).toEqual(['1 json: *', '2 ../lib/cache: *', '3 acme/item: Item']);
  });

  it('finds calls with receiver, number of arguments and the type that the file tells', () => {
    expect(calls(facts)).toEqual([
      '11 Struct/2 in Acme.Repo.Pair',
      '15 super/1 in Acme.Repo.initialize',
      '16 Cache/1 in Acme.Repo.initialize',
      '21 size/? in Acme.Repo.<=>',
      '21 other.size/? ? in Acme.Repo.<=>',
      '24 Item/1 in Acme.Repo.load',
      '25 local.save/? Item in Acme.Repo.load',
      '26 @cache.clear/2 Cache in Acme.Repo.load',
      '27 self.find/1 Repo in Acme.Repo.load',
      '28 prepare/? in Acme.Repo.load',
      '29 items/? in Acme.Repo.load',
      '29 items.each/? ? in Acme.Repo.load',
      '29 one.save/? ? in Acme.Repo.load',
    ]);
  });

  it('takes a bare word for a call where it is no variable', async () => {
    const text = `class A
  def run(given, size = default, *rest, key: named)
    taken = made
    one, (two, *three) = pair
    taken.name; user.name; puts user, given, one, two, three, rest, key
    items.each { |item, (deep, _)| item.go; deep.go; helper }
    item
    total += count if ready
    begin; work; rescue Lost => lost; lost.log; end
    for index in list do index.go end
    case thing
    in {name: bound, age:} then bound
    in [first, *others] then first
    in String => matched then matched
    end
    ->(each) { each + rate }
    "#{inner}" + { key => value }
    user = 1
    user
  end
  private
  alias other run
  attr_reader :made, option
end
`;
    const bare = calls(await factsOf(text, 'ruby')).filter((call) => /^\d+ [a-z]\w*\/\?/.test(call));
    expect(bare.map((call) => call.replace(/\/.*/, ''))).toEqual([
      ...['2 default', '2 named', '3 made', '4 pair', '5 user', '5 user', '6 items', '6 helper', '7 item'],
      ...['8 count', '8 ready', '9 work', '10 list', '11 thing', '16 rate', '17 inner', '17 value'],
      '23 option',
    ]);
  });

  it('counts decisions and functions', () => {
    expect(facts.metrics).toEqual({ lines: 40, complexity: 9, maxNesting: 1, functions: 7 });
  });
});

const SWIFT = `import Foundation
@testable import Store
import struct Acme.Item

/// Keeps things.
public final class Repo<T: Hashable>: Base<T>, Closeable {
  public static let limit = 3
  private var cache: Cache = Cache()
  var total: Int { return 1 }

  init(name: String, _ size: Int = 0) throws { super.init(); self.name = name }
  deinit { close() }

  public func load<U>(_ item: Item, with rest: Int...) async throws -> U {
    let local = Item(name: "a")
    local.save()
    item.save(2, 3)
    cache.clear(1)
    self.find(item)
    return size > 1 && ready ? local : item
  }

  private func hidden() {}
  enum Color: Int { case red = 1, green }
  struct Inner { var q: Int }
}

public protocol Closeable: AnyObject { var open: Bool { get }; func close() }
extension Repo: CustomStringConvertible {
  func describe() -> String { "" }
}
let top = 4
typealias Handler = (Int) -> Void
func free(_ repo: Repo<Int>) { repo.load(1) }
`;

describe('Swift', () => {
  let facts: BlobFacts;
  beforeAll(async () => {
    facts = await factsOf(SWIFT, 'swift');
  });

  it('finds every definition with its kind, qualified name, lines, bases and visibility', () => {
    expect(outline(facts)).toEqual([
      'class Repo 6-26 < Base, Closeable, CustomStringConvertible',
      'constant Repo.limit 7',
      '- field Repo.cache 8',
      'field Repo.total 9',
      'method Repo.init 11',
      'method Repo.deinit 12',
      'method Repo.load 14-21',
      '- method Repo.hidden 23',
      'enum Repo.Color 24 < Int',
      'constant Repo.Color.red 24',
      'constant Repo.Color.green 24',
      'struct Repo.Inner 25',
      'field Repo.Inner.q 25',
      'method Repo.describe 30',
      'interface Closeable 28 < AnyObject',
      'field Closeable.open 28',
      'method Closeable.close 28',
      'constant top 32',
      'type Handler 33',
      'function free 34',
    ]);
  });

  it('quotes signatures on one line and strips documentation of its markers', () => {
    expect(headOf(facts, 'Repo')).toEqual({
      signature: 'public final class Repo<T: Hashable>: Base<T>, Closeable',
      documentation: 'Keeps things.',
    });
    expect(headOf(facts, 'Repo.load')).toEqual({
      signature: 'public func load<U>(_ item: Item, with rest: Int...) async throws -> U',
      documentation: null,
    });
  });

  it('reads imports with names and aliases', () => {
    expect(imports(facts)).toEqual(['1 Foundation: *', '2 Store: *', '3 Acme: Item']);
  });

  it('finds calls with receiver, number of arguments and the type that the file tells', () => {
    expect(calls(facts)).toEqual([
      '8 Cache/0 in Repo.cache',
      '11 super.init/0 Base in Repo.init',
      '12 close/0 in Repo.deinit',
      '15 Item/1 in Repo.load',
      '16 local.save/0 Item in Repo.load',
      '17 item.save/2 Item in Repo.load',
      '18 cache.clear/1 Cache in Repo.load',
      '19 self.find/1 Repo in Repo.load',
      '34 repo.load/1 Repo in free',
    ]);
  });

  it('counts decisions and functions', () => {
    expect(facts.metrics).toEqual({ lines: 34, complexity: 9, maxNesting: 0, functions: 7 });
  });
});

describe('Swift after Swift', () => {
  it('reads a file the same whatever was parsed before it', async () => {
    const text = 'func f() {\n  #if DEBUG\n  g("\\(x)")\n  #endif\n  let s = #"raw"#\n}\n'.repeat(40);
    const first = await factsOf(text, 'swift');
    for (let round = 1; round <= 3; round++) {
      await factsOf(SWIFT.repeat(round), 'swift');
      await factsOf('let x = ##"unfinished', 'swift');
      expect(await factsOf(text, 'swift')).toEqual(first);
    }
    expect(first.hasErrors).toBe(false);
  });

  it('gives a grammar memory of its own where it asks for none', () => {
    const asked: number[][] = [];
    const { calloc } = withZeroedCalloc({
      calloc: (count: number, size: number) => asked.push([count, size]),
    }) as { calloc: (count: number, size: number) => number };
    calloc(0, 4);
    calloc(3, 8);
    expect(asked).toEqual([
      [1, 4],
      [3, 8],
    ]);
  });
});
