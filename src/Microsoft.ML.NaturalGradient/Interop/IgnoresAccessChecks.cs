using System.Runtime.CompilerServices;

// ML.NET keeps the types a saveable transformer needs internal. The runtime honours this attribute, and the project is
// compiled against copies in which those types are public (eng/PublicizeMLNet.targets).
[assembly: IgnoresAccessChecksTo("Microsoft.ML.Core")]
[assembly: IgnoresAccessChecksTo("Microsoft.ML.Data")]

namespace System.Runtime.CompilerServices;

[AttributeUsage(AttributeTargets.Assembly, AllowMultiple = true)]
internal sealed class IgnoresAccessChecksToAttribute(string assemblyName) : Attribute
{
    public string AssemblyName { get; } = assemblyName;
}
