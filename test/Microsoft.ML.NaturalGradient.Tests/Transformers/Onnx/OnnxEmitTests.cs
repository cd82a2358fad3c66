using System.Reflection;
using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using static TorchSharp.torch;
using ModelArchitecture = Microsoft.ML.NaturalGradient.Models.Architecture;

namespace Microsoft.ML.NaturalGradient.Tests.Onnx;

/// <summary>What computes something can be exported: nothing was forgotten.</summary>
[TestClass]
public sealed class OnnxEmitTests
{
    private const BindingFlags Own = BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    private static readonly Type[] Modules = [.. typeof(ModelArchitecture).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(nn.Module)) && !type.IsAbstract)];

    [TestMethod]
    public void Modules_WithForward_HaveEmitBesideIt()
    {
        var layers = Modules.Where(type => type.GetMethod("forward", Own) is not null).ToArray();

        var forgotten = layers.Where(type => !type.GetMethods(Own).Any(IsEmit)).Select(type => type.FullName);

        Assert.IsGreaterThan(30, layers.Length);
        Assert.IsEmpty(forgotten);
    }

    // LayerStack and the like hand layers on; adapters are merged.
    [TestMethod]
    public void Modules_OfAnotherKind_HaveEmitWhereTheyComputeSomething()
    {
        var computing = Modules.Where(type => type.GetMethod("forward", Own) is null && type.GetMethods(Own).Any(method => ReturnsTensors(method) && !method.IsPrivate)
            && !type.IsSubclassOf(typeof(LinearAdapter)) && type != typeof(PromptAdapter)).ToArray();

        var forgotten = computing.Where(type => !type.GetMethods(Own).Any(IsEmit)).Select(type => type.FullName);

        Assert.IsGreaterThan(10, computing.Length);
        Assert.IsEmpty(forgotten);
    }

    [TestMethod]
    public void Architectures_All_HaveANetworkThatEmits()
    {
        foreach (var architecture in Architectures.All)
        {
            var networks = Modules.Where(type => type.IsSubclassOf(typeof(PretrainedNetwork)) && type.GetProperties(BindingFlags.Static | BindingFlags.Public)
                .Any(property => property.PropertyType == typeof(ModelArchitecture) && ReferenceEquals(property.GetValue(null), architecture))).ToArray();

            Assert.HasCount(1, networks, architecture.ModelType);
            Assert.IsTrue(networks[0].GetMethods(BindingFlags.Instance | BindingFlags.Public).Any(IsEmit), architecture.ModelType);
        }
    }

    private static bool IsEmit(MethodInfo method) =>
        method.Name.StartsWith("Emit", StringComparison.Ordinal) && method.ReturnType == typeof(OnnxValue) && method.GetParameters()[0].ParameterType == typeof(OnnxGraph);

    private static bool ReturnsTensors(MethodInfo method) => !method.IsSpecialName
        && (method.ReturnType == typeof(Tensor) || typeof(IEnumerable<Tensor>).IsAssignableFrom(method.ReturnType)) && method.Name is not ("FrozenOutput" or "WordVectors");
}
