/**
 * What TypeScript's language service says of the JavaScript and TypeScript below a directory: where each call and each
 * import leads. It is TypeScript's own API (pinned by the lockfile), asked as an editor's "go to definition" asks it.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  type ExportDeclaration,
  type ImportClause,
  isArrowFunction,
  isBinaryExpression,
  isBindingElement,
  isCallExpression,
  isClassDeclaration,
  isClassExpression,
  isDecorator,
  isExportAssignment,
  isExportDeclaration,
  isExportSpecifier,
  isExpressionWithTypeArguments,
  isFunctionExpression,
  isHeritageClause,
  isIdentifier,
  isImportClause,
  isImportSpecifier,
  isInterfaceDeclaration,
  isJsxOpeningElement,
  isJsxSelfClosingElement,
  isNamedExports,
  isNamespaceExport,
  isNamespaceImport,
  isNewExpression,
  isNonNullExpression,
  isObjectBindingPattern,
  isParenthesizedExpression,
  isPrivateIdentifier,
  isPropertyAccessExpression,
  isQualifiedName,
  isTaggedTemplateExpression,
  type Node,
  type SourceFile,
  SyntaxKind,
} from 'typescript/unstable/ast';
import {
  API,
  type Symbol as CheckedSymbol,
  type Checker,
  type NodeHandle,
  type Project,
  SymbolFlags,
} from 'typescript/unstable/sync';
import type { Manifest } from '../../src/answer/navigate/modules/module.ts';

function isClassLike(node: Node): boolean {
  return isClassDeclaration(node) || isClassExpression(node);
}

/** A declaration of the project: its file and the line and text of its name. */
export interface Place {
  path: string;
  line: number;
  name: string;
}

/** A call, `new`, tagged template, decorator or JSX element. Those of one line and name come in order. */
export interface TrueCall extends Place {
  /** Declarations of the project that it may reach; empty when it leads out of it. */
  targets: string[];
}

/** An import or re-export of one name, or of all names of a module. */
export interface TrueImport extends Place {
  targets: string[];
}

/** What a search for callers can be asked of: functions, types, members, variables of a module; no plain locals. */
export interface Declaration extends Place {
  isSymbol: boolean;
}

export interface Truth {
  /** By key. */
  declarations: Map<string, Declaration>;
  /** Only what the language service resolves: a receiver of type `any` is nobody's. */
  calls: TrueCall[];
  imports: TrueImport[];
  /** A member, and the members of base classes and interfaces that it overrides or implements, transitively. */
  overrides: Map<string, Set<string>>;
}

export function placeKey({ path: file, line, name }: Place): string {
  return `${file}:${line}:${name}`;
}

/**
 * @param files paths below `root`, of JavaScript and TypeScript.
 * @param packages those of the directory: importing one by name means its source, not what may be installed.
 */
export function truthOf(
  root: string,
  files: readonly string[],
  packages: readonly Manifest[],
  typeRoots: string,
): Truth {
  const config = path.join(root, 'tsconfig.truth.json');
  const api = new API({
    cwd: root,
    fs: {
      readFile: (name) =>
        name === config ? JSON.stringify(configuration(root, files, packages, typeRoots)) : undefined,
      fileExists: (name) => (name === config ? true : undefined),
    },
  });
  try {
    const project = api.updateSnapshot({ openProjects: [config] }).getProject(config);
    if (!project) throw new Error(`TypeScript did not open ${config}`);
    return new Reader(root, project).read(files);
  } finally {
    api.close();
  }
}

function configuration(
  root: string,
  files: readonly string[],
  packages: readonly Manifest[],
  typeRoots: string,
) {
  return {
    compilerOptions: {
      allowJs: true,
      allowImportingTsExtensions: true,
      experimentalDecorators: true,
      jsx: 'preserve',
      lib: ['esnext', 'dom', 'dom.iterable'],
      module: 'esnext',
      moduleResolution: 'bundler',
      noEmit: true,
      paths: Object.fromEntries(packages.flatMap(sourcesOf)),
      skipLibCheck: true,
      strict: true,
      target: 'esnext',
      typeRoots: [typeRoots],
      types: ['node'],
    },
    files: files.map((file) => path.join(root, file)).filter((file) => !standsInFor(file, packages)),
  };
}

/** A file that declares a package of the directory as others see it: TypeScript would look there and not at the source. */
function standsInFor(file: string, packages: readonly Manifest[]): boolean {
  if (!file.endsWith('.d.ts')) return false;
  const declared = readFileSync(file, 'utf8').matchAll(/^declare module ['"]([^'"]+)['"]/gm);
  const names = new Set(packages.map(({ name }) => name));
  return [...declared].some(([, name]) => names.has(name!));
}

function sourcesOf({ name, directory }: Manifest): [string, string[]][] {
  const base = directory === '' ? '.' : `./${directory}`;
  return [
    [name, [`${base}/src/index`, `${base}/index`, `${base}/lib/index`]],
    [`${name}/*`, [`${base}/src/*`, `${base}/*`, `${base}/lib/*`]],
  ];
}

class Reader {
  private readonly root: string;
  private readonly project: Project;
  private readonly checker: Checker;
  private readonly truth: Truth = { declarations: new Map(), calls: [], imports: [], overrides: new Map() };
  private readonly keys = new Map<string, string | null>();
  private readonly wanted = new Set<string>();

  constructor(root: string, project: Project) {
    this.root = root;
    this.project = project;
    this.checker = project.checker;
  }

  read(files: readonly string[]): Truth {
    for (const file of files) this.wanted.add(file);
    for (const file of files) {
      const source = this.project.program.getSourceFile(path.join(this.root, file));
      if (source) this.readFile(file, source);
    }
    this.closeOverrides();
    return this.truth;
  }

  private readFile(file: string, source: SourceFile): void {
    const calls: Node[] = [];
    const imports: Node[] = [];
    const stars: ExportDeclaration[] = [];
    const namespaces = new Map<string, Node>();
    const accesses: { root: Node; name: Node }[] = [];
    const types: Node[] = [];
    const visit = (node: Node): void => {
      const callee = calleeOf(node);
      if (callee) calls.push(callee);
      if (isImportSpecifier(node) || (isImportClause(node) && (node as ImportClause).name))
        imports.push((node as ImportClause).name!);
      else if (isExportSpecifier(node) && (node.parent.parent as ExportDeclaration).moduleSpecifier)
        imports.push(node.name);
      else if (isNamespaceImport(node)) namespaces.set(node.name.text, node.name);
      else if (
        isExportDeclaration(node) &&
        node.moduleSpecifier &&
        !(node.exportClause && isNamedExports(node.exportClause))
      )
        stars.push(node);
      if (isPropertyAccessExpression(node)) accesses.push({ root: rootOf(node), name: node.name });
      else if (isQualifiedName(node)) accesses.push({ root: rootOf(node), name: node.right });
      if (isClassLike(node) || isInterfaceDeclaration(node)) types.push(node);
      node.forEachChild(visit);
    };
    visit(source);
    this.readCalls(file, source, calls);
    this.readImports(file, source, imports);
    this.readStars(file, source, stars);
    this.readNamespaces(file, source, namespaces, accesses);
    for (const type of types) this.readOverrides(type);
  }

  private readCalls(file: string, source: SourceFile, callees: Node[]): void {
    if (callees.length === 0) return;
    this.checker.getSymbolAtLocation(callees).forEach((symbol, at) => {
      const targets = this.targetsOf(symbol);
      if (targets) this.truth.calls.push({ ...this.place(file, source, callees[at]!), targets });
    });
  }

  private readImports(file: string, source: SourceFile, names: Node[]): void {
    if (names.length === 0) return;
    this.checker.getSymbolAtLocation(names).forEach((symbol, at) => {
      const targets = this.targetsOf(symbol);
      if (targets) this.truth.imports.push({ ...this.place(file, source, names[at]!), targets });
    });
  }

  /** `export * from 'm'` brings what m exports. */
  private readStars(file: string, source: SourceFile, stars: ExportDeclaration[]): void {
    for (const star of stars) {
      const module = this.checker.getSymbolAtLocation(star.moduleSpecifier!);
      if (!module) continue;
      const targets = this.checker
        .getExportsOfModule(module)
        .flatMap((symbol) => this.targetsOf(symbol) ?? []);
      this.truth.imports.push({ ...this.place(file, source, star), name: namespaceOf(star), targets });
    }
  }

  /** `import * as ns` brings the members that the file names. */
  private readNamespaces(
    file: string,
    source: SourceFile,
    namespaces: ReadonlyMap<string, Node>,
    accesses: { root: Node; name: Node }[],
  ): void {
    for (const [alias, name] of namespaces) {
      const used = accesses.filter(({ root }) => isIdentifier(root) && root.text === alias);
      const symbols =
        used.length > 0 ? this.checker.getSymbolAtLocation(used.map((access) => access.name)) : [];
      const targets = [...new Set(symbols.flatMap((symbol) => this.targetsOf(symbol) ?? []))];
      if (this.targetsOf(this.checker.getSymbolAtLocation(name)))
        this.truth.imports.push({ ...this.place(file, source, name), targets });
    }
  }

  private readOverrides(type: Node): void {
    const clauses: Node[] = [];
    const members: { key: string; name: string }[] = [];
    type.forEachChild((child) => {
      if (isHeritageClause(child))
        child.forEachChild((base) => void (isExpressionWithTypeArguments(base) && clauses.push(base)));
      const key = this.keyOfNode(child);
      const name = nameOf(child);
      if (key && name && (isIdentifier(name) || isPrivateIdentifier(name)))
        members.push({ key, name: name.text });
    });
    if (clauses.length === 0 || members.length === 0) return;
    for (const base of this.checker.getTypeAtLocation(clauses)) {
      if (!base) continue;
      for (const { key, name } of members) {
        const overridden = this.targetsOf(this.checker.getPropertyOfType(base, name)) ?? [];
        const known = this.truth.overrides.get(key) ?? new Set();
        this.truth.overrides.set(key, known);
        for (const target of overridden) if (target !== key) known.add(target);
      }
    }
  }

  private closeOverrides(): void {
    const { overrides } = this.truth;
    for (const bases of overrides.values())
      for (const base of bases) for (const above of overrides.get(base) ?? []) bases.add(above);
  }

  /** The declarations of the project that a symbol means, none when it is another's; null when nothing is known. */
  private targetsOf(symbol: CheckedSymbol | undefined): string[] | null {
    if (!symbol) return null;
    const meant = (symbol.flags & SymbolFlags.Alias) !== 0 ? this.checker.getAliasedSymbol(symbol) : symbol;
    if (this.checker.isUnknownSymbol(meant) || meant.declarations.length === 0) return null;
    return [...new Set(meant.declarations.flatMap((declaration) => this.keysOf(declaration)))];
  }

  /** What a destructured variable of a function was before is followed: `const { run } = tools` means the member. */
  private keysOf(declaration: NodeHandle): string[] {
    const value = this.isOurs(declaration) ? passedOn(declaration.resolve(this.project)) : null;
    if (value) {
      const symbol = this.checker.getTypeAtLocation(value)?.getSymbol();
      return symbol ? (this.targetsOf(symbol) ?? []) : [];
    }
    const key = this.keyOf(declaration);
    if (key !== null || declaration.kind !== SyntaxKind.BindingElement) return key === null ? [] : [key];
    const element = this.isOurs(declaration) ? declaration.resolve(this.project) : undefined;
    if (!element || !isBindingElement(element) || !isObjectBindingPattern(element.parent)) return [];
    const name: Node | undefined = element.propertyName ?? element.name;
    const type = this.checker.getTypeAtLocation(element.parent);
    return (
      (type &&
        name &&
        isIdentifier(name) &&
        this.targetsOf(this.checker.getPropertyOfType(type, name.text))) ||
      []
    );
  }

  private isOurs(handle: NodeHandle): boolean {
    return this.wanted.has(path.relative(this.root, handle.path));
  }

  private keyOf(handle: NodeHandle): string | null {
    const id = `${handle.path}#${handle.index}`;
    let key = this.keys.get(id);
    if (key === undefined) {
      const node = this.isOurs(handle) ? handle.resolve(this.project) : undefined;
      key = node ? this.keyOfNode(node) : null;
      this.keys.set(id, key);
    }
    return key;
  }

  private keyOfNode(declaration: Node): string | null {
    const name = nameOf(declaration.kind === SyntaxKind.Constructor ? declaration.parent : declaration);
    if (!name || isPlainLocal(declaration)) return null;
    const source = declaration.getSourceFile();
    const place = this.place(path.relative(this.root, source.fileName), source, name);
    const key = placeKey(place);
    this.truth.declarations.set(key, { ...place, isSymbol: isSymbol(declaration) });
    return key;
  }

  private place(file: string, source: SourceFile, node: Node): Place {
    const text = isIdentifier(node) || isPrivateIdentifier(node) ? node.text : node.getText(source);
    return {
      path: file,
      line: source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1,
      name: text,
    };
  }
}

/**
 * What a declaration only hands on: `module.exports = value`, `export default value`, `const f = require('m').f`; null for
 * one that defines something.
 */
function passedOn(declaration: Node | undefined): Node | null {
  if (!declaration) return null;
  if (isBinaryExpression(declaration) && /^(?:module\.)?exports$/.test(declaration.left.getText()))
    return declaration.right;
  if (isExportAssignment(declaration)) return declaration.expression;
  const { initializer } = declaration as { initializer?: Node };
  const isRequired = initializer !== undefined && /^require\([^()]*\)(?:\.\w+)?$/.test(initializer.getText());
  return declaration.kind === SyntaxKind.VariableDeclaration && isRequired ? initializer : null;
}

/** The name that `export * as name from` gives; `*` without one. */
function namespaceOf(star: ExportDeclaration): string {
  const name = star.exportClause && isNamespaceExport(star.exportClause) ? star.exportClause.name : undefined;
  return name && isIdentifier(name) ? name.text : '*';
}

/** Parameters, and variables of a function that hold no function of their own. */
function isPlainLocal(declaration: Node): boolean {
  if (declaration.kind === SyntaxKind.Parameter) return !declaration.parent || !hasModifier(declaration);
  if (declaration.kind !== SyntaxKind.VariableDeclaration && declaration.kind !== SyntaxKind.BindingElement)
    return false;
  return !isFunctionValue(declaration) && isInFunction(declaration);
}

function hasModifier(parameter: Node): boolean {
  return ((parameter as { modifiers?: readonly Node[] }).modifiers?.length ?? 0) > 0;
}

function isFunctionValue(declaration: Node): boolean {
  const value = (declaration as { initializer?: Node }).initializer;
  return (
    value !== undefined && (isArrowFunction(value) || isFunctionExpression(value) || isClassExpression(value))
  );
}

const FUNCTIONS: ReadonlySet<SyntaxKind> = new Set([
  SyntaxKind.FunctionDeclaration,
  SyntaxKind.FunctionExpression,
  SyntaxKind.ArrowFunction,
  SyntaxKind.MethodDeclaration,
  SyntaxKind.Constructor,
  SyntaxKind.GetAccessor,
  SyntaxKind.SetAccessor,
  SyntaxKind.ClassStaticBlockDeclaration,
]);

function isInFunction(node: Node): boolean {
  for (let around = node.parent; around; around = around.parent) if (FUNCTIONS.has(around.kind)) return true;
  return false;
}

/** A property of an object literal that holds another value's name is no definition of its own. */
function isSymbol(declaration: Node): boolean {
  if (
    declaration.kind === SyntaxKind.ShorthandPropertyAssignment ||
    declaration.kind === SyntaxKind.BindingElement
  )
    return false;
  return declaration.kind !== SyntaxKind.PropertyAssignment || isFunctionValue(declaration);
}

/** `a` of `a.b.c`. */
function rootOf(node: Node): Node {
  if (isPropertyAccessExpression(node)) return rootOf(node.expression);
  return isQualifiedName(node) ? rootOf(node.left) : node;
}

/** The node that names what is called. */
function calleeOf(node: Node): Node | null {
  if (isCallExpression(node) || isNewExpression(node)) return lastName(node.expression);
  if (isTaggedTemplateExpression(node)) return lastName(node.tag);
  if (isDecorator(node)) return isCallExpression(node.expression) ? null : lastName(node.expression);
  if (isJsxOpeningElement(node) || isJsxSelfClosingElement(node)) return lastName(node.tagName);
  return null;
}

function lastName(expression: Node): Node | null {
  if (isParenthesizedExpression(expression) || isNonNullExpression(expression))
    return lastName(expression.expression);
  if (isPropertyAccessExpression(expression)) return expression.name;
  return isIdentifier(expression) || expression.kind === SyntaxKind.SuperKeyword ? expression : null;
}

/** The name of a declaration; of `exports.f = …` what stands last on the left; of a function value, the variable's. */
function nameOf(declaration: Node): Node | null {
  if (isBinaryExpression(declaration)) return lastName(declaration.left);
  if (isPropertyAccessExpression(declaration)) return declaration.name;
  const named = declaration as { name?: Node };
  if (named.name) return named.name;
  const isValue =
    isArrowFunction(declaration) || isFunctionExpression(declaration) || isClassLike(declaration);
  return isValue && declaration.parent ? ((declaration.parent as { name?: Node }).name ?? null) : null;
}
