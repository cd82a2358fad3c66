using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models.Vision;

namespace Microsoft.ML.NaturalGradient.Tests.Models.Vision;

[TestClass]
public sealed class ImageModelTypesTests
{
    [TestMethod]
    public void All_AreWhatTheFactoryKnows()
    {
        using var files = new MemoryCheckpointFiles(new Dictionary<string, byte[]> { ["config.json"] = """{ "model_type": "none" }"""u8.ToArray() }, "x");

        var error = Assert.ThrowsExactly<NotSupportedException>(() => ImageEncoderFactory.Create(ModelConfig.Read(files)));

        StringAssert.EndsWith(error.Message, $"Known are: {string.Join(", ", ImageModelTypes.All)}.");
    }
}
