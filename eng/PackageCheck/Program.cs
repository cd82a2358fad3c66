using PackageChecks;

// Looks into the packages that ./build.sh pack wrote: what a gallery shows is there, and nothing is in them that should not be.
// Usage: PackageCheck <folder> <version>
if (args is not [var folder, var version])
{
    Console.Error.WriteLine("Usage: PackageCheck <folder> <version>");
    return 2;
}

var problems = new List<string>();
var found = Directory.EnumerateFiles(folder, "*.nupkg").Select(path => new Package(path)).OrderBy(package => package.Id, StringComparer.Ordinal).ToArray();
problems.AddRange(ExpectedPackage.All.Select(expected => expected.Id).Except(found.Select(package => package.Id)).Select(id => $"{id}: there is no such package"));
foreach (var package in found)
{
    using (package)
    {
        var expected = ExpectedPackage.All.FirstOrDefault(one => one.Id == package.Id);
        var wrong = expected is null ? ["nobody expects this package: list it in ExpectedPackage.cs"] : new PackageRules(package, expected, version).Broken().ToArray();
        problems.AddRange(wrong.Select(problem => $"{package.Id}: {problem}"));
        Console.WriteLine($"{package.Id,-36} {package.Version,-10} {package.Licence,-12} {package.Length / 1024.0,9:N0} KB   {string.Join(", ", package.Dependencies)}");
    }
}

foreach (var problem in problems)
{
    Console.Error.WriteLine(problem);
}

return problems.Count == 0 ? 0 : 1;
