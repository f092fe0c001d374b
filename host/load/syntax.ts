import { parseSource } from './transpile';

/** A node of the compiler's syntax tree. Its other members depend on its type. */
export interface SyntaxNode {
  readonly type: string;
  readonly span?: { readonly start: number };
  readonly [member: string]: unknown;
}

/** A parameter of a method or a constructor, as the source writes it. */
export interface WrittenParameter {
  /** The property that the parameter declares, in a constructor: `private readonly store`. */
  readonly property: string | undefined;
  /** The name of its type, if the type is a plain name. */
  readonly typeName: string | undefined;
  readonly line: number;
}

/** The syntax tree of a file with a class in it. */
export class ClassSyntax {
  private constructor(
    readonly file: string,
    private readonly source: string,
    private readonly module: SyntaxNode,
    private readonly members: readonly SyntaxNode[],
  ) {}

  /** Finds the first of the sources that declares the class. Undefined if none does, or if it does not parse. */
  static find(sources: ReadonlyMap<string, string>, className: string): ClassSyntax | undefined {
    for (const [file, source] of sources) {
      const module = source.includes(className) ? (parseSource(file, source) as SyntaxNode | undefined) : undefined;
      const found = module && classIn(module, className);
      if (found) return new ClassSyntax(file, source, module, found['body'] as SyntaxNode[]);
    }
    return undefined;
  }

  lineOf({ span }: SyntaxNode): number {
    // Spans count bytes, from 1.
    const before = Buffer.from(this.source).subarray(0, (span?.start ?? 1) - 1);
    return before.toString().split('\n').length;
  }

  /** The class's methods with their bodies, by name. */
  methods(): Map<string, SyntaxNode> {
    const methods = this.members.filter(({ type }) => type === 'ClassMethod');
    return new Map(methods.map((method) => [nameOf(method['key']) ?? '', method['function'] as SyntaxNode]));
  }

  /** The parameters of a method, or of the constructor. */
  parameters(method?: string): WrittenParameter[] {
    const owner =
      method === undefined ? this.members.find(({ type }) => type === 'Constructor') : this.methods().get(method);
    return ((owner?.['params'] ?? []) as SyntaxNode[]).map((node) => this.parameter(node));
  }

  /** The line at which a name is imported with `type`; undefined if it is not imported so. */
  typeImportOf(name: string): number | undefined {
    for (const node of nodesIn(this.module)) {
      if (node.type !== 'ImportDeclaration') continue;
      const specifiers = node['specifiers'] as SyntaxNode[];
      const found = specifiers.find(({ local }) => nameOf(local) === name);
      if (found) return node['typeOnly'] === true || found['isTypeOnly'] === true ? this.lineOf(found) : undefined;
    }
    return undefined;
  }

  private parameter(node: SyntaxNode): WrittenParameter {
    const isProperty = node.type === 'TsParameterProperty';
    let pattern = (isProperty ? node['param'] : node['pat']) as SyntaxNode;
    if (pattern.type === 'AssignmentPattern') pattern = pattern['left'] as SyntaxNode;
    const annotation = pattern['typeAnnotation'] as SyntaxNode | null | undefined;
    const type = annotation?.['typeAnnotation'] as SyntaxNode | undefined;
    return {
      property: isProperty ? nameOf(pattern) : undefined,
      typeName: type?.type === 'TsTypeReference' ? nameOf(type['typeName']) : undefined,
      line: this.lineOf(node),
    };
  }
}

/** A node and all nodes below it, in the order of the source. `enter` returns false for a node to leave out. */
export function* nodesIn(value: unknown, enter: (node: SyntaxNode) => boolean = () => true): Generator<SyntaxNode> {
  if (typeof value !== 'object' || value === null) return;
  if (isNode(value)) {
    if (!enter(value)) return;
    yield value;
  }
  for (const member of Object.values(value)) yield* nodesIn(member, enter);
}

/** The name of an identifier; undefined for any other node. */
export function nameOf(node: unknown): string | undefined {
  return isNode(node) && node.type === 'Identifier' ? (node['value'] as string) : undefined;
}

function classIn(module: SyntaxNode, name: string): SyntaxNode | undefined {
  for (const node of nodesIn(module)) {
    if ((node.type === 'ClassDeclaration' || node.type === 'ClassExpression') && nameOf(node['identifier']) === name)
      return node;
  }
  return undefined;
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}
