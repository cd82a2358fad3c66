using Mono.Cecil;

// Writes copies of assemblies in which internal types and members are public, for use as compile-time references only.
// Usage: Publicizer <output folder> <assembly>...
if (args.Length < 2)
{
    await Console.Error.WriteLineAsync("Usage: Publicizer <output folder> <assembly>...");
    return 2;
}

var outputFolder = args[0];
Directory.CreateDirectory(outputFolder);
foreach (var path in args.Skip(1))
{
    using var resolver = new DefaultAssemblyResolver();
    resolver.AddSearchDirectory(Path.GetDirectoryName(path));
    using var module = ModuleDefinition.ReadModule(path, new ReaderParameters { AssemblyResolver = resolver });
    foreach (var type in module.GetTypes().Where(type => type.Name != "<Module>"))
    {
        Open(type);
    }

    module.Write(Path.Combine(outputFolder, Path.GetFileName(path)));
}

return 0;

static void Open(TypeDefinition type)
{
    if (type.IsNested)
    {
        type.IsNestedPublic = true;
    }
    else
    {
        type.IsPublic = true;
    }

    foreach (var field in type.Fields.Where(field => field.IsAssembly || field.IsFamilyAndAssembly))
    {
        field.IsPublic = true;
    }

    foreach (var method in type.Methods.Where(method => method.IsAssembly || method.IsFamilyAndAssembly))
    {
        method.IsPublic = true;
    }
}
