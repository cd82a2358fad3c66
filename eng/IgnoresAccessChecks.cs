using System.Runtime.CompilerServices;

// ML.NET keeps the types a saveable transformer needs internal. The runtime honours this attribute, and the project is
// compiled against copies in which those types are public (PublicizeMLNet.targets).
[assembly: IgnoresAccessChecksTo("Microsoft.ML.Core")]
[assembly: IgnoresAccessChecksTo("Microsoft.ML.Data")]
