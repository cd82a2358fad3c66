using Mono.Cecil;

namespace Microsoft.ML.NaturalGradient.Tests.Architecture;

/// <summary>Which folders of an assembly's source use types of which others, read from the compiled types.</summary>
internal sealed class FolderGraph
{
    private readonly Dictionary<string, Dictionary<string, SortedSet<string>>> _uses = new(StringComparer.Ordinal);

    /// <summary>Reads an assembly.</summary>
    /// <param name="assembly">The assembly.</param>
    /// <param name="folders">Folder of each type, by its name.</param>
    public FolderGraph(AssemblyDefinition assembly, IReadOnlyDictionary<string, string> folders)
    {
        var types = assembly.MainModule.Types.Where(type => !type.Name.StartsWith('<') && type.Namespace.StartsWith("Microsoft.ML", StringComparison.Ordinal)).ToArray();
        Unplaced = [.. types.Select(BareName).Where(name => !folders.ContainsKey(name))];
        foreach (var type in types.Where(type => folders.ContainsKey(BareName(type))))
        {
            var from = folders[BareName(type)];
            _uses.TryAdd(from, new(StringComparer.Ordinal));
            foreach (var used in UsedTypes(type).Where(used => used.Scope == assembly.MainModule).Select(Outermost).DistinctBy(used => used.FullName))
            {
                if (folders.TryGetValue(BareName(used), out var to) && to != from)
                {
                    _uses[from].TryAdd(to, new(StringComparer.Ordinal));
                    _uses[from][to].Add($"{BareName(type)} uses {BareName(used)}");
                }
            }
        }
    }

    /// <summary>Finds the folder of each type, which is in a file of its name.</summary>
    /// <param name="source">Folder of the assembly's source.</param>
    /// <returns>The first folder below it; "." for none.</returns>
    public static IReadOnlyDictionary<string, string> FoldersBelow(string source) => Directory.EnumerateFiles(source, "*.cs", SearchOption.AllDirectories)
        .GroupBy(file => Path.GetFileName(file).Split('.')[0], StringComparer.Ordinal)
        .ToDictionary(group => group.Key, group => TopFolder(Path.GetRelativePath(source, group.First())), StringComparer.Ordinal);

    /// <summary>All folders with types.</summary>
    public IReadOnlyCollection<string> Folders => _uses.Keys;

    /// <summary>Types that no file is named like.</summary>
    public IReadOnlyList<string> Unplaced { get; }

    /// <summary>The folders whose types a folder uses, and which types use which.</summary>
    public IReadOnlyDictionary<string, SortedSet<string>> UsesOf(string folder) => _uses[folder];

    /// <summary>Finds folders that use each other, directly or through others.</summary>
    /// <returns>One line for each step of a cycle, with the types; null where there is none.</returns>
    public string? DescribeCycle()
    {
        foreach (var folder in Folders.Order(StringComparer.Ordinal))
        {
            if (Way(folder, folder) is { } cycle)
            {
                return string.Join('\n', cycle.Zip(cycle.Skip(1), (from, to) => $"{from} -> {to}: {string.Join(", ", _uses[from][to])}"));
            }
        }

        return null;
    }

    // The shortest way from a folder to what uses it.
    private List<string>? Way(string from, string to)
    {
        var ways = new Queue<List<string>>([[from]]);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (ways.TryDequeue(out var way))
        {
            foreach (var next in _uses.GetValueOrDefault(way[^1])?.Keys ?? Enumerable.Empty<string>())
            {
                if (next == to)
                {
                    return [.. way, next];
                }

                if (seen.Add(next))
                {
                    ways.Enqueue([.. way, next]);
                }
            }
        }

        return null;
    }

    private static string TopFolder(string path) => path.Contains('/', StringComparison.Ordinal) ? path.Split('/')[0] : ".";

    private static string BareName(TypeReference type) => type.Name.Split('`')[0];

    private static TypeReference Outermost(TypeReference type) => type.DeclaringType is { } outer ? Outermost(outer) : type;

    private static IEnumerable<TypeReference> UsedTypes(TypeDefinition type)
    {
        var mentioned = new List<TypeReference?> { type.BaseType };
        mentioned.AddRange(type.Interfaces.Select(implementation => implementation.InterfaceType));
        mentioned.AddRange(type.Fields.Select(field => field.FieldType));
        mentioned.AddRange(type.Properties.Select(property => property.PropertyType));
        foreach (var method in type.Methods)
        {
            mentioned.AddRange([method.ReturnType, .. method.Parameters.Select(parameter => parameter.ParameterType)]);
            if (method.HasBody)
            {
                mentioned.AddRange(method.Body.Variables.Select(variable => variable.VariableType));
                mentioned.AddRange(method.Body.Instructions.SelectMany(instruction => Mentioned(instruction.Operand)));
            }
        }

        return mentioned.SelectMany(Parts).Concat(type.NestedTypes.SelectMany(UsedTypes));
    }

    private static IEnumerable<TypeReference?> Mentioned(object? operand) => operand switch
    {
        TypeReference type => [type],
        GenericInstanceMethod method => [method.DeclaringType, method.ReturnType, .. method.GenericArguments],
        MethodReference method => [method.DeclaringType, method.ReturnType],
        FieldReference field => [field.DeclaringType, field.FieldType],
        _ => [],
    };

    private static IEnumerable<TypeReference> Parts(TypeReference? type) => type switch
    {
        null or GenericParameter => [],
        GenericInstanceType generic => generic.GenericArguments.SelectMany(Parts).Append(generic.ElementType),
        TypeSpecification of => Parts(of.ElementType),
        _ => [type],
    };
}
