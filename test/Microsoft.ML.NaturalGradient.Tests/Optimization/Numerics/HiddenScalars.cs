using Mono.Cecil;
using Mono.Cecil.Rocks;

namespace Microsoft.ML.NaturalGradient.Tests.Numerics;

/// <summary>Reads from TorchSharp's assembly which of its members make a Scalar, that nothing keeps alive while native code uses it.</summary>
/// <remarks>
/// A method makes a Scalar when its body calls one that returns a Scalar. So does whoever calls it, and whoever constructs an object that
/// has it as a virtual method: <c>call</c> of a module reaches <c>forward</c>. Found by names in metadata: the order of a body is not looked at.
/// </remarks>
internal static class HiddenScalars
{
    /// <summary>The identifiers, as in documentation files, of the members that others can use and that make a Scalar.</summary>
    public static IReadOnlyList<string> Find(string assembly)
    {
        using var module = ModuleDefinition.ReadModule(assembly);
        var types = module.GetTypes().ToArray();
        var methods = types.SelectMany(type => type.Methods).ToArray();
        var found = Closure(methods.Where(MakesScalar), Callers(methods), Descendants(types));
        return [.. found.Where(IsVisible).Select(Identifier).Distinct().Order(StringComparer.Ordinal)];
    }

    /// <summary>Calls of the members with these identifiers in an assembly that references theirs.</summary>
    /// <returns>The names of the types that call, each with the identifier of what it calls.</returns>
    public static IEnumerable<(string Caller, string Member)> Uses(string assembly, IReadOnlySet<string> identifiers)
    {
        using var resolver = new DefaultAssemblyResolver();
        resolver.AddSearchDirectory(Path.GetDirectoryName(assembly));
        using var module = ModuleDefinition.ReadModule(assembly, new ReaderParameters { AssemblyResolver = resolver });
        var calls =
            from type in module.GetTypes()
            from method in type.Methods
            from called in Calls(method)
            where called.DeclaringType.GetElementType().Scope.Name == "TorchSharp"
            let identifier = Identifier(called.Resolve())
            where identifiers.Contains(identifier)
            select (type.FullName, identifier);
        return [.. calls];
    }

    private static HashSet<MethodDefinition> Closure(
        IEnumerable<MethodDefinition> start, ILookup<MethodDefinition, MethodDefinition> callers, ILookup<TypeDefinition, TypeDefinition> descendants)
    {
        var found = start.ToHashSet();
        var open = new Queue<MethodDefinition>(found);
        while (open.TryDequeue(out var method))
        {
            var constructors = IsReachedByObject(method)
                ? descendants[method.DeclaringType].SelectMany(type => type.Methods).Where(other => other.Name == ".ctor")
                : [];
            foreach (var other in callers[method].Concat(constructors).Where(found.Add))
            {
                open.Enqueue(other);
            }
        }

        return found;
    }

    // Not the text of an object, which every tensor has.
    private static bool IsReachedByObject(MethodDefinition method) =>
        method.IsVirtual && method.Name is not (nameof(ToString) or nameof(Equals) or nameof(GetHashCode));

    private static bool MakesScalar(MethodDefinition method) =>
        method.ReturnType.FullName == "TorchSharp.Scalar" || (method.IsConstructor && method.DeclaringType.FullName == "TorchSharp.Scalar");

    private static ILookup<MethodDefinition, MethodDefinition> Callers(IReadOnlyList<MethodDefinition> methods)
    {
        var calls =
            from caller in methods
            from called in Calls(caller)
            where called.DeclaringType.GetElementType().Scope == caller.Module
            select (Called: called.Resolve(), Caller: caller);
        // The body of an iterator or an asynchronous method is in a type of its own, <Name>d__1.
        var bodies =
            from body in methods
            let name = body.DeclaringType.Name
            where name.StartsWith('<') && name.Contains(">d__", StringComparison.Ordinal)
            from caller in body.DeclaringType.DeclaringType.Methods
            where caller.Name == name[1..name.IndexOf('>', StringComparison.Ordinal)]
            select (Called: body, Caller: caller);
        return calls.Concat(bodies).ToLookup(pair => pair.Called, pair => pair.Caller);
    }

    private static IEnumerable<MethodReference> Calls(MethodDefinition method) =>
        method.HasBody ? method.Body.Instructions.Select(instruction => instruction.Operand).OfType<MethodReference>() : [];

    private static ILookup<TypeDefinition, TypeDefinition> Descendants(IReadOnlyList<TypeDefinition> types) => types
        .SelectMany(type => WithBases(type).Select(ancestor => (Ancestor: ancestor, Type: type)))
        .ToLookup(pair => pair.Ancestor, pair => pair.Type);

    private static IEnumerable<TypeDefinition> WithBases(TypeDefinition type)
    {
        for (var ancestor = type; ancestor is not null; ancestor = ancestor.BaseType?.GetElementType() as TypeDefinition)
        {
            yield return ancestor;
        }
    }

    private static bool IsVisible(MethodDefinition method) =>
        (method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly) && IsVisible(method.DeclaringType);

    private static bool IsVisible(TypeDefinition type) => type.DeclaringType is null
        ? type.IsPublic
        : (type.IsNestedPublic || type.IsNestedFamily || type.IsNestedFamilyOrAssembly) && IsVisible(type.DeclaringType);

    private static string Identifier(MethodDefinition method) => DocCommentId.GetDocCommentId(
        method.DeclaringType.Properties.FirstOrDefault(property => property.GetMethod == method || property.SetMethod == method) as IMemberDefinition
        ?? method);
}
