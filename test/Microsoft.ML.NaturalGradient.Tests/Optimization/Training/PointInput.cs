using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Training;

internal sealed class PointInput(Tensor points) : ModelInput
{
    public Tensor Points { get; } = points;

    public override int SampleCount => (int)Points.shape[0];

    public override PointInput Slice(long start, long count) => new(Points.narrow(0, start, count));

    public override void Dispose() => Points.Dispose();
}
